// Owns the choice between light, dark, and what the system says.

import { computed, signal } from '@preact/signals';

type Choice = 'system' | 'light' | 'dark';

const KEY = 'evenkeel-theme';
const NEXT: Readonly<Record<Choice, Choice>> = { system: 'light', light: 'dark', dark: 'system' };
const dark = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(dark.matches);
dark.addEventListener('change', () => {
  systemIsDark.value = dark.matches;
});
const choice = signal<Choice>((document.documentElement.dataset.theme as Choice | undefined) ?? 'system');

/** What is seen: canvases draw with its colours. */
export const theme = computed(() =>
  choice.value === 'system' ? (systemIsDark.value ? 'dark' : 'light') : choice.value,
);

export function nextTheme(): void {
  const next = NEXT[choice.value];
  if (next === 'system') {
    localStorage.removeItem(KEY);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(KEY, next);
    document.documentElement.dataset.theme = next;
  }
  choice.value = next;
}

export function ThemeToggle() {
  return (
    <button type="button" class="plain" onClick={nextTheme} title="Colours: system, light, dark">
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
        <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d="M8 1.5a6.5 6.5 0 0 1 0 13z" fill="currentColor" />
      </svg>
      <span class="aside">Colours: </span>
      {choice.value}
    </button>
  );
}

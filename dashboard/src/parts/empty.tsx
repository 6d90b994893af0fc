// Owns what stands where there is nothing, or where something could not be had: always what it means, and what to do.

import type { ComponentChildren } from 'preact';

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <p>{children}</p>}
    </div>
  );
}

export function Failure({ text, again }: { readonly text: string; readonly again?: () => void }) {
  return (
    <div class="notice notice-bad" role="alert">
      <p>{text}</p>
      {again !== undefined && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

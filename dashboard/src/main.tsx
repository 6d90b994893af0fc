// Owns the start of the page.

import { render } from 'preact';
import { App } from './app.tsx';
import { listenToKeys } from './parts/keys.ts';
import { begin } from './store.ts';

const root = document.getElementById('app')!;
root.replaceChildren();
render(<App />, root);
listenToKeys();
void begin();

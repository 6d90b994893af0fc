// Owns the chosen theme before anything is painted: a light flash in the dark would be unkind. Runs as a script of its own.

const chosen = localStorage.getItem('evenkeel-theme');
if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;

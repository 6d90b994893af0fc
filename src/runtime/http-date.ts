// Owns the Date field's text, made once a second.

export function dateOf(epoch: () => number): () => string {
  let second = 0;
  let text = '';
  return () => {
    const now = Math.floor(epoch() / 1000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1000).toUTCString();
    }
    return text;
  };
}

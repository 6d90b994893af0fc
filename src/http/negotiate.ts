// Owns the choice of a content coding by what a client accepts (RFC 9110 §12.5.3).

/** Of `offered`, in the server's order among those that the client likes best; '' for none. */
export function bestEncoding(accept: string | undefined, offered: readonly string[]): string {
  if (accept === undefined || accept === '') return '';
  const liked = new Map<string, number>();
  for (const part of accept.toLowerCase().split(',')) {
    const [name, ...parameters] = part.split(';');
    const q = parameters.map((one) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(one)?.[1]).find((one) => one !== undefined);
    liked.set(name.trim(), q === undefined ? 1 : Number(q));
  }
  const others = liked.get('*') ?? 0;
  let best = '';
  let most = 0;
  for (const name of offered) {
    const weight = liked.get(name) ?? others;
    if (weight > most) {
      most = weight;
      best = name;
    }
  }
  return best;
}

/** Media types as configurations write them: `text/*` and whole names. */
export function typeMatcher(types: readonly string[]): (type: string | undefined) => boolean {
  const known = new Map<string, boolean>();
  return (type) => {
    if (type === undefined) return false;
    const cached = known.get(type);
    if (cached !== undefined) return cached;
    const semicolon = type.indexOf(';');
    const bare = (semicolon < 0 ? type : type.slice(0, semicolon)).trim().toLowerCase();
    const holds = types.some((one) =>
      one.endsWith('/*') ? bare.startsWith(one.slice(0, -1)) : one === '*' || bare === one,
    );
    if (known.size < 256) known.set(type, holds);
    return holds;
  };
}

// Owns the four forms of a request target (RFC 9112 §3.2). CONNECT's authority-form is refused earlier.

export interface Target {
  /** Begins with `/`, or is `*`. As the client sent it, not normalized. */
  path: string;
  /** Without `?`; '' when there is none. */
  query: string;
  /** `host[:port]` of an absolute-form target, else what the Host field says. */
  authority: string;
  form: 'origin' | 'absolute' | 'asterisk';
}

const ABSOLUTE = /^https?:\/\/([^/?@]+)(\/[^?]*)?(?:\?(.*))?$/i;
/** host[:port], as a Host field or an absolute-form target holds it. No userinfo. */
export const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9\-._~%!$&'()*+,;=]{1,255})(?::\d{0,5})?$/;

/** Fills `into`; false when the target has no form that this method may use. */
export function parseTarget(text: string, method: string, into: Target): boolean {
  into.authority = '';
  if (text.charCodeAt(0) === 0x2f) {
    into.form = 'origin';
    const question = text.indexOf('?');
    into.path = question < 0 ? text : text.slice(0, question);
    into.query = question < 0 ? '' : text.slice(question + 1);
    return true;
  }
  if (text === '*') {
    into.form = 'asterisk';
    into.path = '*';
    into.query = '';
    return method === 'OPTIONS';
  }
  const match = ABSOLUTE.exec(text);
  if (match === null || !AUTHORITY.test(match[1])) return false;
  into.form = 'absolute';
  into.authority = match[1];
  // RFC 9112 §3.2.4: OPTIONS of a whole server, in the form that a proxy receives.
  into.path = match[2] ?? (method === 'OPTIONS' && match[3] === undefined ? '*' : '/');
  into.query = match[3] ?? '';
  return true;
}

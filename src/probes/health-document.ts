// Owns reading a backend's own health document: `{"status": "...", "checks": {"database": true, ...}}`. What it says comes
// from outside, so names and their number are bounded and cleaned before anybody prints them.

const MAX_CHECKS = 50;
const MAX_NAME = 64;
const GOOD = new Set(['ok', 'up', 'pass', 'healthy', 'true']);

/** The named dependencies, true for working; undefined when the body is no such document. */
export function parseHealthDocument(body: string): Readonly<Record<string, boolean>> | undefined {
  if (!body.trimStart().startsWith('{')) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    return undefined;
  }
  const checks = (document as { checks?: unknown }).checks;
  if (typeof checks !== 'object' || checks === null || Array.isArray(checks)) return undefined;
  const found: [string, boolean][] = [];
  for (const [name, value] of Object.entries(checks)) {
    if (found.length === MAX_CHECKS) break;
    const working = isWorking(value);
    if (working !== undefined) found.push([name.slice(0, MAX_NAME).replace(/[^\x20-\x7e]/g, '?'), working]);
  }
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function isWorking(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return GOOD.has(value.toLowerCase());
  if (typeof value !== 'object' || value === null) return undefined;
  const { status, healthy } = value as { status?: unknown; healthy?: unknown };
  if (typeof status === 'string' || typeof status === 'boolean') return isWorking(status);
  return typeof healthy === 'boolean' ? healthy : undefined;
}

// Owns the operational log: what the control plane has to say. Human lines on a terminal, JSON lines elsewhere. Nothing
// on the request path logs here.

export type Level = 'info' | 'warn' | 'error';

export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export interface LogOptions {
  readonly write: (line: string) => void;
  readonly human: boolean;
  readonly epoch: () => number;
}

/** Control characters would let text from outside steer a terminal. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '\ufffd');
}

/** A field's value for people: quoted when it would otherwise run into the next one. */
function readable(value: unknown): string {
  if (typeof value === 'string') return value.includes(' ') ? `"${value}"` : value;
  if (Array.isArray(value)) return `"${value.join('; ')}"`;
  return JSON.stringify(value);
}

export function createLog({ write, human, epoch }: LogOptions): Log {
  const line = (level: Level, message: string, fields: Record<string, unknown> = {}): void => {
    const time = new Date(epoch()).toISOString();
    if (!human) {
      write(`${JSON.stringify({ time, level, message: printable(message), ...fields })}\n`);
      return;
    }
    const rest = Object.entries(fields)
      .map(([key, value]) => ` ${key}=${readable(value)}`)
      .join('');
    const mark = level === 'info' ? '' : level === 'warn' ? 'warning: ' : 'error: ';
    write(`${time.slice(11, 19)} ${mark}${printable(message)}${printable(rest)}\n`);
  };
  return {
    info: (message, fields) => line('info', message, fields),
    warn: (message, fields) => line('warn', message, fields),
    error: (message, fields) => line('error', message, fields),
  };
}

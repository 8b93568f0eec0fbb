import { printable } from '../../../model/index.ts';

/** Where an answer is shown. */
export interface Screen {
  /** Columns of the terminal; absent where it is none, and nothing has to fit. */
  readonly width?: number;
  /** Whether colours may support what is said; they never say it alone. */
  readonly hasColour: boolean;
}

/** How a text stands out. */
export type Tone = 'bad' | 'warning' | 'good' | 'faint' | 'strong';

/** SGR codes. Source: ECMA-48. */
const codes: Readonly<Record<Tone, number>> = { bad: 31, warning: 33, good: 32, faint: 2, strong: 1 };

/** Standard output as it is. Source: https://no-color.org for NO_COLOR. */
export function terminalScreen(): Screen {
  const { isTTY: isTerminal, columns } = process.stdout;
  return {
    ...(isTerminal && columns > 0 ? { width: columns } : {}),
    hasColour: isTerminal && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
  };
}

/** The text in a tone, where the screen has colours. */
export function painted(screen: Screen, tone: Tone, text: string): string {
  return screen.hasColour ? `\u001b[${codes[tone]}m${text}\u001b[0m` : text;
}

/** A value all of whose texts are fit for a terminal: names come from outside and must not steer it. */
export function printableDeep<Value>(value: Value): Value {
  return isPrintable(value) ? value : cleaned(value);
}

/** Most answers are: to copy one takes longer than to look. */
function isPrintable(value: unknown): boolean {
  if (typeof value === 'string') return printable(value) === value;
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isPrintable);
  for (const key in value) {
    if (!isPrintable(key) || !isPrintable((value as Record<string, unknown>)[key])) return false;
  }
  return true;
}

function cleaned<Value>(value: Value): Value {
  if (typeof value === 'string') return printable(value) as Value;
  if (Array.isArray(value)) return value.map(cleaned) as Value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [printable(key), cleaned(one as unknown)]);
  return Object.fromEntries(entries) as Value;
}

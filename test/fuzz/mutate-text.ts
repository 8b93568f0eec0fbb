import { mutateBytes } from './mutate-bytes.ts';
import type { Random } from './random.ts';

/** What breaks readers of text: ends of lines, quotes, terminals, long and double characters, other forms of numbers. */
export const oddTexts: readonly string[] = [
  '',
  ' ',
  '\0',
  '\n',
  '\r\n',
  '\u001b[2J\u001b]0;title\u0007',
  '\u202e',
  '\u2028',
  '\ud800',
  '😀',
  '"',
  "'",
  '\\',
  '\\u0000',
  '%s%n',
  '$(id)',
  '{{',
  '}}',
  '../../etc',
  '/',
  '-',
  '--',
  '=',
  ',',
  ':',
  '::',
  '0',
  '-1',
  '1e999',
  '0x10',
  '4294967296',
  '9007199254740993',
  'NaN',
  'null',
  '__proto__',
  'constructor',
  'toString',
  '10.0.0.1',
  '10.0.0.0/33',
  'fe80::1%eth0',
  '::ffff:10.0.0.1',
  'x'.repeat(300),
];

/** A text that differs from another in a few places; words of the field come in now and then. */
export function mutateText(random: Random, seed: string, dictionary: readonly string[] = []): string {
  let text = seed;
  for (let changes = 1 + random.below(4); changes > 0; changes -= 1) {
    const at = random.below(text.length + 1);
    const length = random.below(Math.min(text.length - at, 24) + 1);
    const word = random.once(2) || dictionary.length === 0 ? random.pick(oddTexts) : random.pick(dictionary);
    switch (random.below(6)) {
      case 0:
        text = text.slice(0, at) + text.slice(at + length);
        break;
      case 1:
        text = text.slice(0, at) + word + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + word + text.slice(at + length);
        break;
      case 3:
        text = text.slice(0, at + length) + text.slice(at);
        break;
      case 4:
        text = mutateBytes(random, Buffer.from(text)).toString('utf8');
        break;
      default:
        text = swapLines(random, text);
        break;
    }
  }
  return text;
}

function swapLines(random: Random, text: string): string {
  const lines = text.split('\n');
  const [one, other] = [random.below(lines.length), random.below(lines.length)];
  [lines[one], lines[other]] = [lines[other] ?? '', lines[one] ?? ''];
  return lines.join('\n');
}

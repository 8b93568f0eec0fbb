import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const folder = join(import.meta.dirname, '../../scripts');
const scripts = readdirSync(folder)
  .filter((name) => statSync(join(folder, name)).isFile())
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
  .filter(({ text }) => /^source scripts\/setup/m.test(text));

// A sourced script that is given no words has those of the one that sources it.
it.each(scripts)(
  '$name says what it prepares for, so that its own arguments are not taken for that',
  ({ text }) => {
    for (const [line] of text.matchAll(/^source scripts\/setup.*$/gm)) {
      expect(line).toMatch(/^source scripts\/setup (build|kernel|engine|"\$\{purposes\[@\]\}")/);
    }
  },
);

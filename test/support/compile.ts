import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';

// Inside the project, so that the program finds its packages.
const directory = resolve(import.meta.dirname, '../../node_modules/.cache/tsnet-test');

/**
 * Compiles a program written in TypeScript, with all of our modules it imports, into one file that every supported Node
 * runs.
 *
 * @param source the program's path
 * @returns the path of the compiled program, named after its content
 */
export async function compileProgram(source: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [source],
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'silent',
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  const digest = createHash('sha256').update(code).digest('hex').slice(0, 12);
  const path = join(directory, `${basename(source, '.ts')}-${digest}.mjs`);
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, code);
  renameSync(draft, path);
  return path;
}

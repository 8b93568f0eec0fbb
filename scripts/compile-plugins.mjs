import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

// Static programs, each under all of its names: what container runtimes start, and the parent of what `tsnet run` runs.

const programs = {
  'native/cni': ['cni/tsnet', 'cni/tsnet-ipam', 'netavark/tsnet'],
  'native/run': ['run/tsnet-run'],
};
const language = '-std=c11 -Os -ffunction-sections -Wall -Wextra -Wpedantic -Wconversion';
const hardening = '-fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2';
const linking = '-static-pie -s -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack';
// Marks branch targets for processors that check them; other architectures have no such flag.
const branches = process.arch === 'x64' ? ' -fcf-protection' : '';
const flags = `${language} ${hardening}${branches} ${linking}`;

/** Their bytes by path. Ends the process when there is no compiler, or no static C library. */
export async function compilePlugins(root) {
  const compiled = await Promise.all(
    Object.entries(programs).map(([place, names]) => compile(root, place, names)),
  );
  return compiled.flat();
}

async function compile(root, place, names) {
  const source = join(root, place);
  const files = (await readdir(source)).filter((name) => name.endsWith('.c'));
  const compiler = process.env.CC || 'cc';
  const folder = await mkdtemp(join(tmpdir(), 'tsnet-build-'));
  try {
    const program = join(folder, 'plugin');
    await promisify(execFile)(compiler, [...flags.split(' '), '-o', program, ...files], { cwd: source });
    const contents = await readFile(program);
    return names.map((path) => ({ path, contents }));
  } catch (error) {
    console.error(
      `build: ${compiler} can't make a static program of ${place}: ${error.stderr || error.message}`,
    );
    console.error(
      'build: it takes a C compiler and a static C library (Debian: gcc libc6-dev; Fedora: glibc-static)',
    );
    return process.exit(1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';

const project = resolve(import.meta.dirname, '../..');

/** When a program is killed: before one of its steps, counted from 1, or some time after its start. */
export type KillPoint = { readonly step: number } | { readonly microseconds: number };

/** For people, and for who wants to have it again. */
export function formatKillPoint(point: KillPoint): string {
  return 'step' in point ? `before step ${point.step}` : `after ${(point.microseconds / 1000).toFixed(1)} ms`;
}

/**
 * The environment in which an unmodified program of ours is killed, or notes its steps in a file. A step is a call that
 * changes something which outlives the process: `kill-point.c`.
 */
export function killEnvironment(point?: KillPoint, stepsFile?: string): Record<string, string> {
  if (point === undefined && stepsFile === undefined) return {};
  return {
    LD_PRELOAD: library(),
    ...(stepsFile === undefined ? {} : { TORTURE_STEPS: stepsFile }),
    ...(point === undefined
      ? {}
      : 'step' in point
        ? { TORTURE_KILL_BEFORE: String(point.step) }
        : { TORTURE_KILL_AFTER: String(Math.max(1, Math.round(point.microseconds))) }),
  };
}

let compiled: string | undefined;

/** Compiles it, unless it was compiled before. */
function library(): string {
  if (compiled !== undefined) return compiled;
  const source = join(project, 'test/torture/kill-point.c');
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const folder = join(project, 'node_modules/.cache/tsnet-test');
  const path = join(folder, `kill-point-${digest}.so`);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    const draft = `${path}.${process.pid}`;
    const flags = ['-O2', '-Wall', '-Wextra', '-shared', '-fPIC', '-o', draft, source, '-ldl'];
    execFileSync(process.env['CC'] ?? 'cc', flags, { stdio: ['ignore', 'ignore', 'inherit'] });
    renameSync(draft, path);
  }
  compiled = path;
  return path;
}

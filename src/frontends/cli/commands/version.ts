import type { Command } from 'commander';
import { release } from 'node:os';
import { printJson, printTable } from '../print.ts';
import { wantsJson } from '../settings.ts';
import { version } from '../version.ts';

/** `tsnet version` */
export function show(command: Command): void {
  const versions = { tsnet: version, node: process.versions.node, kernel: release() };
  if (wantsJson(command)) printJson(versions);
  else printTable(['COMPONENT', 'VERSION'], Object.entries(versions));
}

import { readFileSync } from 'node:fs';
import { runCni } from '../../../src/frontends/cni/index.ts';
import { openContext } from '../../../src/network/index.ts';

// One call of the plugin in a process of its own, which says on standard error when the host is about to be changed.

const [, , folder = '', netns = ''] = process.argv;
const silent = () => undefined;
const context = await openContext(
  { stateDirectory: `${folder}/state`, runDirectory: `${folder}/run`, firewall: 'nftables', netns },
  { debug: silent, info: silent, warn: silent, error: silent },
);
const env = Object.fromEntries(Object.entries(process.env).map(([name, value = '']) => [name, value]));
process.stderr.write('ready\n');
const { exitCode, stdout } = await runCni(async () => context, { env, stdin: readFileSync(0, 'utf8') });
await context.linkRemoval.idle();
context[Symbol.dispose]();
process.stdout.write(stdout);
process.exitCode = exitCode;

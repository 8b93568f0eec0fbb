import { cpus, loadavg, release } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { attach } from './attach.ts';
import type { Part } from './bench.ts';
import { cni } from './cni.ts';
import { connections } from './connections.ts';
import { engine } from './engine.ts';
import type { Group } from './figures.ts';
import { formatReport } from './format-report.ts';
import { inspectPort } from './inspect-port.ts';
import { ipam } from './ipam.ts';
import { memory } from './memory.ts';
import { ports } from './ports.ts';
import { Scope } from './scope.ts';
import { veth } from './veth.ts';

/**
 * In the order in which they run: the inspector looks at everything there is, so it comes first; while `ipam` computes, the
 * kernel removes the thousand namespaces of `veth`; memory is read after the daemon has worked.
 */
const parts: Readonly<Record<string, Part>> = {
  port: inspectPort,
  veth,
  ipam,
  attach,
  memory,
  ports,
  connections,
  cni,
  engine,
};

/** The kernel removes namespaces and links in the background, which would disturb the next part. */
const restMs = 2_000;

const words = process.argv.slice(2);
const isJson = words.includes('--json');
const chosen = words.filter((word) => word !== '--json');
const unknown = chosen.find((word) => !Object.hasOwn(parts, word));
if (unknown !== undefined) {
  console.error(`bench: unknown part ${unknown}; known: ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}

const machine = {
  node: process.version,
  kernel: release(),
  processors: cpus().length,
  model: cpus()[0]?.model ?? '',
  load: loadavg()[0] ?? 0,
};
const started = performance.now();
const groups: Group[] = [];
let failed = false;
{
  await using run = new Scope();
  run.endOnSignals();
  const progress = (text: string) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.error(`bench: ${seconds.padStart(3)} s  ${text}`);
  };
  for (const [name, part] of Object.entries(parts)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    try {
      await using scope = run.use(new Scope());
      groups.push(...(await part({ scope, run, progress })));
    } catch (error) {
      if (run.isEnding) break;
      failed = true;
      console.error(`bench: ${name} could not be measured:`, error);
    }
    await setTimeout(restMs);
  }
  progress('removing what was made');
}
if (isJson) {
  console.log(JSON.stringify({ machine, groups }, undefined, 2));
} else {
  const { node, kernel, processors, model, load } = machine;
  console.log(
    `Node ${node}, Linux ${kernel}, ${processors} × ${model}, load at the start ${load.toFixed(1)}\n`,
  );
  console.log(formatReport(groups));
}
process.exitCode = failed ? 1 : 0;

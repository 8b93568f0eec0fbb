import { probe, type ProbeOrigin, type ProbeTarget } from '../../../../src/inspect/probe/index.ts';
import { readInspection } from '../../../../src/inspect/read-inspection.ts';

// Probes as told on the command line: path of the host's namespace, target and origin as JSON, milliseconds. A program
// of its own, so that a test can kill it.
const [hostNetns = '', target = '', origin = '', timeoutMs = ''] = process.argv.slice(2);
const inspection = await readInspection({ hostNetns, engines: false, rules: 'host', parts: ['addresses'] });
process.stdout.write('probing\n');
const result = await probe(inspection, JSON.parse(target) as ProbeTarget, JSON.parse(origin) as ProbeOrigin, {
  timeoutMs: Number(timeoutMs),
});
process.stdout.write(`${JSON.stringify(result)}\n`);

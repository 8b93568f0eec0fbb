import { formatInspection } from '../../../../src/inspect/inspection-file.ts';
import { observeHost } from '../../../../src/observe/host/index.ts';

// What the caller may see of the namespace it runs in and of the others.
const snapshot = await observeHost({ rules: 'host', flows: 'host' });
process.stdout.write(formatInspection({ schema: 'tsnet.snapshot/1', snapshot, engines: [] }));

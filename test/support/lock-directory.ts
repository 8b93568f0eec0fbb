import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the firewalls of tests meet. */
export const lockDirectory = join(tmpdir(), 'tsnet-test-locks');

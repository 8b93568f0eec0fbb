import fc from 'fast-check';
import { describe, it } from 'vitest';
import { readExecution } from '../../../../../src/frontends/cli/run/execution-flags.ts';
import {
  parseHostFlag,
  parseHostname,
  parseLinkFlag,
} from '../../../../../src/frontends/cli/run/parse-name-flags.ts';
import { parseNetworkFlags } from '../../../../../src/frontends/cli/run/parse-network-flag.ts';
import { parseExposeFlag, parsePortFlag } from '../../../../../src/frontends/cli/run/parse-port-flag.ts';
import { parseSandboxName, TsnetError } from '../../../../../src/model/index.ts';

const readers: Readonly<Record<string, (text: string) => unknown>> = {
  '-p': parsePortFlag,
  '--expose': parseExposeFlag,
  '--network': (text) => parseNetworkFlags({ network: [text] }),
  '--rate': (text) => parseNetworkFlags({ rate: text }),
  '--driver-opt': (text) => parseNetworkFlags({ driverOpt: [text] }),
  '--env': (text) => readExecution({ env: [text] }),
  '--workdir': (text) => readExecution({ workdir: text }),
  '--add-host': parseHostFlag,
  '--link': parseLinkFlag,
  '--hostname': parseHostname,
  '--name': parseSandboxName,
};

/** Texts that look like what is meant. */
const nearby = fc
  .array(
    fc.constantFrom(
      '80',
      '8080',
      '65536',
      '0',
      '-',
      ':',
      '::',
      '[',
      ']',
      '/',
      'tcp',
      'udp',
      '=',
      ',',
      '.',
      '127.0.0.1',
      'fd00::1',
      'ip',
      'mac',
      'rate',
      '10mbit',
      'driver-opt',
      'tsnet.egress_rate',
      'name',
      'lab',
      'container',
      'target',
      '\n',
      ' ',
      '#',
    ),
    { maxLength: 9 },
  )
  .map((words) => words.join(''));

describe.each(Object.entries(readers))('%s', (_, read) => {
  it('reads or refuses any text, and never anything else', () => {
    fc.assert(
      fc.property(fc.oneof(nearby, fc.string()), (text) => {
        try {
          read(text);
        } catch (error) {
          if (!(error instanceof TsnetError) || error.kind !== 'invalid-input') throw error;
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

import { readFileSync } from 'node:fs';
import { CniError, cniCodes } from './errors.ts';
import type { CniDns } from './result.ts';

/** What a file in the format of resolv.conf(5) says. @throws a CniError 5 when it can't be read */
export function readResolvConf(path: string): CniDns {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CniError(cniCodes.ioFailure, `ipam.resolvConf: ${(cause as Error).message}`, {
      subject: 'ipam.resolvConf',
      cause,
    });
  }
  return parseResolvConf(text);
}

/** Reads the format of resolv.conf(5): the last `domain` and `search` count, name servers and options add up. */
export function parseResolvConf(text: string): CniDns {
  const nameservers: string[] = [];
  const options: string[] = [];
  let domain: string | undefined;
  let search: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.split(/[#;]/)[0]?.trim().split(/\s+/) ?? [];
    if (keyword === 'nameserver') nameservers.push(...values.slice(0, 1));
    else if (keyword === 'domain') domain = values[0];
    else if (keyword === 'search') search = values;
    else if (keyword === 'options') options.push(...values);
  }
  return { nameservers, search, options, ...(domain === undefined ? {} : { domain }) };
}

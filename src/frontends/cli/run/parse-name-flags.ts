import { invalid, parseIp, parseSandboxName, type SandboxLink } from '../../../model/index.ts';
import type { HostWish } from '../../../run/index.ts';
import { parseAlias } from './parse-network-flag.ts';

/** Reads `--add-host NAME:ADDRESS`, also with `=`, brackets and `host-gateway`. @throws invalid-input */
export function parseHostFlag(text: string): HostWish {
  const match = /^([^:=]+)[:=](.+)$/.exec(text);
  if (match === null) throw invalid('--add-host', text, 'NAME:ADDRESS or NAME:host-gateway');
  const [, name = '', address = ''] = match;
  const plain = /^\[(.*)\]$/.exec(address)?.[1] ?? address;
  return {
    name: parseAlias(name, '--add-host'),
    ip: plain === 'host-gateway' ? plain : parseIp(plain, '--add-host'),
  };
}

/** Reads `--link NAME[:ALIAS]`. @throws invalid-input */
export function parseLinkFlag(text: string): SandboxLink {
  const [name = '', alias = name, ...rest] = text.split(':');
  if (rest.length > 0) throw invalid('--link', text, 'NAME or NAME:ALIAS');
  return { name: parseSandboxName(name, '--link'), alias: parseAlias(alias, '--link') };
}

/** Reads `--hostname`. Source: sethostname(2), 64 bytes. @throws invalid-input */
export function parseHostname(text: string): string {
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$/.test(text)) {
    throw invalid(
      '--hostname',
      text,
      '1 to 64 letters, digits, dots or dashes, beginning and ending with a letter or digit',
    );
  }
  return text;
}

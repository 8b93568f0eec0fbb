import { optionValue, type SavedRule } from '../../../kernel/iptables/parse-save.ts';
import { parseIp, type Ip, type IpFamily } from '../../../model/index.ts';
import type { Facts } from '../facts.ts';
import { always, lazy, type Action, type Statement, type Translate } from '../rules.ts';

/** Targets that do nothing which a packet's way depends on. */
const harmless = new Set([
  'AUDIT',
  'CHECKSUM',
  'CLASSIFY',
  'CONNSECMARK',
  'DSCP',
  'ECN',
  'HL',
  'HMARK',
  'IDLETIMER',
  'LED',
  'LOG',
  'NFLOG',
  'RATEEST',
  'SECMARK',
  'SET',
  'TCPMSS',
  'TCPOPTSTRIP',
  'TEE',
  'TOS',
  'TRACE',
  'TTL',
  'ULOG',
]);

/**
 * What a rule does to what it matches; `undefined` for nothing.
 *
 * @param isChain whether the table has a chain of that name
 */
export function parseTarget(
  rule: SavedRule,
  target: string,
  isChain: boolean,
  family: IpFamily,
): Statement | undefined {
  if (isChain) return always({ kind: optionValue(rule, '-g') === target ? 'goto' : 'jump', chain: target });
  switch (target) {
    case 'ACCEPT':
      return always({ kind: 'accept' });
    case 'DROP':
      return always({ kind: 'drop' });
    case 'REJECT':
      return always({ kind: 'reject' });
    case 'RETURN':
      return always({ kind: 'return' });
    case 'NOTRACK':
      return always({ kind: 'untrack' });
    case 'CT':
      return optionValue(rule, '-j') === 'CT' && rule.arguments.includes('--notrack')
        ? always({ kind: 'untrack' })
        : undefined;
    case 'MARK':
      return parseMark(rule);
    case 'CONNMARK':
      // Only what is taken back from the connection changes the packet.
      return rule.arguments.includes('--restore-mark')
        ? always({ kind: 'mark', mark: undefined })
        : undefined;
    case 'DNAT':
      return once(() => translation('destination', optionValue(rule, '--to-destination') ?? '', family));
    case 'SNAT':
      return once(() => translation('source', optionValue(rule, '--to-source') ?? '', family));
    case 'REDIRECT':
      return always(toLink('destination', optionValue(rule, '--to-ports')));
    case 'MASQUERADE':
      return always(toLink('source', undefined));
    default:
      return harmless.has(target) ? undefined : always({ kind: 'unknown' });
  }
}

/** Like `always`, but read when a packet gets there: most never do. */
function once(read: () => Action): Statement {
  const choices = lazy(() => [{ action: read(), isSure: true }]);
  return { kind: 'act', act: choices };
}

function toLink(side: Translate['side'], ports: string | undefined): Action {
  const port = ports !== undefined && /^\d+$/.test(ports) ? Number(ports) : undefined;
  return {
    kind: 'translate',
    side,
    isToLink: true,
    ...(port === undefined ? {} : { port }),
    isExact: ports === undefined || port !== undefined,
  };
}

/** Reads `10.0.0.2:80`, `[fd00::2]:80`, `:80`, `10.0.0.2-10.0.0.9:80-90` and parts of these. */
function translation(side: Translate['side'], text: string, family: IpFamily): Action {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  const isBareAddress = bracketed === null && family === 6 && !/^:\d+$/.test(text);
  const [host = '', ports] =
    bracketed === null ? (isBareAddress ? [text] : text.split(':')) : [bracketed[1], bracketed[2]];
  const ip = readIp(host.split('-')[0] ?? '');
  const port = ports !== undefined && /^\d+$/.test(ports) ? Number(ports) : undefined;
  const isExact = !host.includes('-') && (ports === undefined || port !== undefined);
  return {
    kind: 'translate',
    side,
    ...(ip === undefined ? {} : { ip }),
    ...(port === undefined ? {} : { port }),
    isExact,
  };
}

/** Source: iptables-extensions(8): the bits of the mask are cleared, then the value is put in by exclusive or. */
function parseMark(rule: SavedRule): Statement {
  const parts = /^(0x[\da-f]+|\d+)(?:\/(0x[\da-f]+|\d+))?$/i.exec(optionValue(rule, '--set-xmark') ?? '');
  if (parts === null) return always({ kind: 'mark', mark: undefined });
  const [value, mask] = [Number(parts[1]), Number(parts[2] ?? 0xffffffff)];
  if (mask === 0xffffffff) return always({ kind: 'mark', mark: value >>> 0 });
  return {
    kind: 'act',
    act: ({ mark }: Facts) => [
      {
        action: { kind: 'mark', mark: mark === undefined ? undefined : ((mark & ~mask) ^ value) >>> 0 },
        isSure: true,
      },
    ],
  };
}

function readIp(text: string): Ip | undefined {
  try {
    return parseIp(text);
  } catch {
    return undefined;
  }
}

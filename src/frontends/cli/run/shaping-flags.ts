import type { Command } from 'commander';
import { invalid, type Shaping } from '../../../model/index.ts';
import { parseShapingOptions, shapingNames, type GivenOption } from '../../docker/shaping-options.ts';
import { repeatable } from '../repeatable.ts';

/** Flags that limit the speed in one network, called as the options of Docker's `-o tsnet.…`, which may be given as well. */
export interface ShapingFlags {
  readonly rate?: string;
  readonly ingressRate?: string;
  readonly egressRate?: string;
  readonly burst?: string;
  readonly ingressBurst?: string;
  readonly egressBurst?: string;
  readonly driverOpt?: readonly string[];
}

const shortNames = {
  rate: 'rate',
  ingressRate: 'ingress_rate',
  egressRate: 'egress_rate',
  burst: 'burst',
  ingressBurst: 'ingress_burst',
  egressBurst: 'egress_burst',
} as const satisfies Readonly<Record<Exclude<keyof ShapingFlags, 'driverOpt'>, string>>;

/** Limits of speed as they were given, by the full names of their options. */
export type GivenLimits = ReadonlyMap<string, GivenOption>;

/**
 * Gives a command the flags that limit speed.
 *
 * @param where which network they speak of, where there may be several
 */
export function addShapingFlags(command: Command, where = ''): Command {
  return command
    .option('--rate <rate>', `how fast it may send and receive${where}, such as 10mbit`)
    .option('--ingress-rate <rate>', `how fast it may receive${where}`)
    .option('--egress-rate <rate>', `how fast it may send${where}`)
    .option('--burst <bits>', 'how much may pass at once after a rest, such as 256kbit')
    .option('--ingress-burst <bits>', 'the same of what it receives')
    .option('--egress-burst <bits>', 'the same of what it sends')
    .addOption(
      repeatable('--driver-opt <key=value>', 'tsnet.rate=10mbit and its like, as in docker').hideHelp(),
    );
}

/** What flags say of limits. @throws invalid-input for an unknown option */
export function limitsOfFlags(flags: ShapingFlags): GivenLimits {
  const options = (flags.driverOpt ?? []).flatMap((text) => [...limitsOfOption(text, '--driver-opt')]);
  const others = Object.entries(shortNames).flatMap(([key, name]): [string, GivenOption][] => {
    const value = flags[key as keyof typeof shortNames];
    return value === undefined ? [] : [[fullName(name), { value, field: `--${name.replace('_', '-')}` }]];
  });
  return new Map([...options, ...others]);
}

/** What `rate=10mbit` behind the name of a network says; undefined when the key is none that limits speed. */
export function limitOfKey(key: string, value: string, flag: string): GivenLimits | undefined {
  if (!Object.hasOwn(shapingNames, key)) return undefined;
  return new Map([[fullName(key), { value, field: `${flag} ${key}` }]]);
}

/** What `tsnet.rate=10mbit` says, where Docker has options of its driver. @throws invalid-input */
export function limitsOfOption(text: string, flag: string): GivenLimits {
  const at = text.indexOf('=');
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  const known = Object.values(shapingNames);
  if (at < 1 || !known.includes(name)) throw invalid(flag, text, `${known.join('=…, ')}=…`);
  return new Map([[name, { value, field: `${flag} ${name}` }]]);
}

/** The limits in our words; what is given last counts. @throws invalid-input */
export function shapingOf(...given: readonly GivenLimits[]): { readonly shaping?: Shaping } {
  const all = new Map(given.flatMap((limits) => [...limits]));
  const shaping = parseShapingOptions((name) => all.get(name));
  return shaping === undefined ? {} : { shaping };
}

function fullName(short: string): string {
  return shapingNames[short] ?? short;
}

import * as v from 'valibot';
import {
  invalid,
  parseIfName,
  parseMac,
  parseMtu,
  TsnetError,
  type IfName,
  type Mac,
} from '../../model/index.ts';
import type { CniArguments } from './arguments.ts';
import { count, decode, optional, orElse, type Document } from './decode.ts';
import { CniError, cniCodes, withCode } from './errors.ts';
import { argsOf, needsInterface, type IpamChoice } from './ipam-config.ts';
import { dnsSchema, type CniDns } from './result.ts';

/** Who may connect to a container without a published port. Source: the reference plugin `firewall`. */
export type IngressPolicy = 'open' | 'same-bridge' | 'isolated';

/** The options of the main plugin, with the names and meanings of the reference plugin `bridge`. */
export interface BridgeConfig {
  readonly bridge: IfName;
  readonly isGateway: boolean;
  readonly isDefaultGateway: boolean;
  readonly forcesAddress: boolean;
  readonly masquerades: boolean;
  readonly mtu?: number;
  readonly antispoofs: boolean;
  readonly detectsDuplicates: boolean;
  /** Whether the container sets its interface up by itself. */
  readonly staysDown: boolean;
  readonly isolatesPorts: boolean;
  /** Absent: where the bridge is the gateway. */
  readonly hairpins?: boolean;
  readonly ingressPolicy: IngressPolicy;
  readonly dns: CniDns;
  /** What `args.cni` or CNI_ARGS say; `runtimeConfig` has the last word. */
  readonly mac?: Mac;
}

const flag = orElse(v.boolean(), false);

/** The options of the main plugin, as they are written. */
export const bridgeSchema = v.object({
  bridge: optional(v.string()),
  isGateway: flag,
  isDefaultGateway: flag,
  forceAddress: flag,
  ipMasq: flag,
  ipMasqBackend: optional(v.string()),
  mtu: orElse(v.number(), 0),
  hairpinMode: optional(v.boolean()),
  promiscMode: flag,
  vlan: orElse(v.number(), 0),
  vlanTrunk: orElse(
    v.array(v.object({ id: optional(count), minID: optional(count), maxID: optional(count) })),
    [],
  ),
  preserveDefaultVlan: flag,
  macspoofchk: flag,
  enabledad: flag,
  portIsolation: flag,
  disableContainerInterface: flag,
  ingressPolicy: optional(v.string()),
  dns: orElse(dnsSchema, {} as v.InferOutput<typeof dnsSchema>),
});

const macSchema = v.object({ mac: optional(v.string()) });

const policies: readonly IngressPolicy[] = ['open', 'same-bridge', 'isolated'];

/**
 * Reads the options of the main plugin.
 *
 * @throws invalid-input; a CniError 2 for what this plugin does not do, 4 for CNI_ARGS
 */
export function parseBridgeConfig(document: Document, args: CniArguments, ipam: IpamChoice): BridgeConfig {
  const found = decode(bridgeSchema, document);
  refuseUnsupported(found);
  refuseContradictions(found, ipam);
  const mac = macOf(document, args);
  return {
    bridge: parseIfName(found.bridge || 'cni0', 'bridge'),
    isGateway: found.isGateway || found.isDefaultGateway,
    isDefaultGateway: found.isDefaultGateway,
    forcesAddress: found.forceAddress,
    masquerades: found.ipMasq,
    ...(found.mtu === 0 ? {} : { mtu: parseMtu(found.mtu) }),
    antispoofs: found.macspoofchk,
    detectsDuplicates: found.enabledad,
    staysDown: found.disableContainerInterface,
    isolatesPorts: found.portIsolation,
    ...(found.hairpinMode === undefined ? {} : { hairpins: found.hairpinMode }),
    ingressPolicy: parsePolicy(found.ingressPolicy),
    dns: found.dns,
    ...(mac === undefined ? {} : { mac }),
  };
}

type Found = v.InferOutput<typeof bridgeSchema>;

function refuseUnsupported({ vlan, vlanTrunk }: Found): void {
  if (!Number.isInteger(vlan) || vlan < 0 || vlan > 4094)
    throw invalid('vlan', vlan, 'a number from 0 to 4094');
  for (const [field, value, isUsed] of [
    ['vlan', vlan, vlan !== 0],
    ['vlanTrunk', vlanTrunk, vlanTrunk.length > 0],
  ] as const) {
    if (!isUsed) continue;
    throw new CniError(cniCodes.unsupportedField, `${field}: ${JSON.stringify(value)} is not supported`, {
      subject: field,
      hint: 'leave it out; a bridge of its own for each network keeps networks apart without VLANs',
    });
  }
}

function refuseContradictions(found: Found, ipam: IpamChoice): void {
  const { hairpinMode, promiscMode, ipMasqBackend = '', macspoofchk, disableContainerInterface } = found;
  if (hairpinMode === true && promiscMode)
    throw invalid('promiscMode', true, 'false, as hairpinMode is true');
  if (!['', 'iptables', 'nftables'].includes(ipMasqBackend)) {
    throw invalid('ipMasqBackend', ipMasqBackend, 'iptables or nftables');
  }
  if (disableContainerInterface && ipam.kind !== 'none') {
    throw new TsnetError('invalid-input', 'disableContainerInterface: true is not allowed with ipam', {
      subject: 'disableContainerInterface',
      hint: 'an interface that is down keeps no routes: leave out one of the two',
    });
  }
  if (macspoofchk && needsInterface(ipam)) {
    throw new CniError(cniCodes.unsupportedField, 'macspoofchk: true is not supported with dhcp', {
      subject: 'macspoofchk',
      hint: 'a guarded interface sends from its own addresses only, so it could not ask for one',
    });
  }
  if (macspoofchk && ipam.kind === 'none') {
    throw new TsnetError('invalid-input', 'macspoofchk: true is not allowed without ipam', {
      subject: 'macspoofchk',
      hint: 'a guarded interface sends from its own addresses only, so it needs some',
    });
  }
}

function parsePolicy(value: string | undefined): IngressPolicy {
  if (!value) return 'open';
  const policy = policies.find((known) => known === value);
  if (policy === undefined) throw invalid('ingressPolicy', value, policies.join(', '));
  return policy;
}

function macOf(document: Document, args: CniArguments): Mac | undefined {
  const { mac } = decode(macSchema, argsOf(document), 'args.cni');
  if (mac) return parseMac(mac, 'args.cni.mac');
  const ofArgs = args['MAC'];
  return ofArgs ? withCode(cniCodes.invalidEnvironment, () => parseMac(ofArgs, 'CNI_ARGS MAC')) : undefined;
}

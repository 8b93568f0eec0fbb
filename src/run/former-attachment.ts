import {
  familyOf,
  ipOf,
  type Ip,
  type NamedSandbox,
  type PortBinding,
  type PortRequest,
  type SandboxNetwork,
} from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { endpointIdOf } from './endpoint-id.ts';

/** Wishes that lead to what a sandbox had before. */
export interface FormerWishes {
  readonly ips: readonly Ip[];
  readonly ports: readonly PortRequest[];
}

/** A sandbox with what it has now in each of its networks; where it has no endpoint, with what it had. */
export function withFormer({ state }: Context, sandbox: NamedSandbox): NamedSandbox {
  const { id, networks } = sandbox;
  return state.read((view) => ({
    ...sandbox,
    networks: networks.map((network) => {
      const endpoint = view.endpoint(network.id, endpointIdOf(id, network.id));
      if (endpoint === undefined) return network;
      return { ...network, former: { ips: endpoint.addresses.map(ipOf), ports: endpoint.ports } };
    }),
  }));
}

/**
 * What a sandbox is to ask for so that it gets the addresses and host ports that it had in a network before:
 * where it wishes none in particular, the former ones. Undefined when that is what it wishes anyway.
 */
export function asBefore(
  { ips, former }: SandboxNetwork,
  ports: readonly PortRequest[],
): FormerWishes | undefined {
  if (former === undefined) return undefined;
  const families = new Set(ips.map(familyOf));
  const formerIps = former.ips.filter((ip) => !families.has(familyOf(ip)));
  const left = [...former.ports];
  const formerPorts = ports.map((request) => fixed(request, left));
  const isSame = formerIps.length === 0 && formerPorts.every((request, index) => request === ports[index]);
  return isSame ? undefined : { ips: [...ips, ...formerIps], ports: formerPorts };
}

/** The request with the host port that was found for it, which is then taken out of `left`. */
function fixed(request: PortRequest, left: PortBinding[]): PortRequest {
  const { protocol, containerPort, hostIp, hostPorts } = request;
  const at = left.findIndex(
    (binding) =>
      binding.protocol === protocol &&
      binding.containerPort === containerPort &&
      (hostIp === undefined || binding.hostIp === hostIp) &&
      (hostPorts === undefined ||
        (binding.hostPort >= hostPorts.first && binding.hostPort <= hostPorts.last)),
  );
  const [binding] = at === -1 ? [] : left.splice(at, 1);
  if (binding === undefined || (hostPorts?.first === hostPorts?.last && hostPorts !== undefined))
    return request;
  return { ...request, hostPorts: { first: binding.hostPort, last: binding.hostPort } };
}

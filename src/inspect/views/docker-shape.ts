import type { ContainerReport } from './container-report.ts';
import type { NetworkReport } from './network-report.ts';

/** What the kernel holds for a container in a network, beside what its engine says; written as engines write. */
interface KernelFacts {
  readonly Interface: string;
  readonly Index: number;
  readonly HostVeth: string;
  readonly HostIndex: number;
  readonly Bridge: string;
  readonly NetnsInode: number;
  readonly Mac: string;
  readonly Mtu: number;
  /** Whether it is up and its other end, too. */
  readonly Carrier: boolean;
}

type Kernel = Partial<KernelFacts>;

/**
 * The answer of an engine about a container, as `docker inspect` prints it, with a key `Kernel` in each of
 * `NetworkSettings.Networks`; nothing else is changed.
 *
 * @param answer GET /containers/{id}/json
 */
export function containerAsDocker(
  answer: unknown,
  { networks, interfaces, netns }: ContainerReport,
): readonly unknown[] {
  const inode = netns === undefined ? {} : { NetnsInode: Number(netns.slice('net:'.length)) };
  return [
    withKernel(answer, ['NetworkSettings', 'Networks'], (name): Kernel => {
      const inside = networks.find((one) => one.name === name)?.interface;
      const found = interfaces.find((one) => one.name === inside);
      if (found === undefined) return inode;
      const { index, hostVeth, hostIndex, bridge, mac, mtu, state } = found;
      return {
        Interface: found.name,
        Index: index,
        ...(hostVeth === undefined ? {} : { HostVeth: hostVeth }),
        ...(hostIndex === undefined ? {} : { HostIndex: hostIndex }),
        ...(bridge === undefined ? {} : { Bridge: bridge }),
        ...inode,
        ...(mac === undefined ? {} : { Mac: mac }),
        Mtu: mtu,
        Carrier: state === 'up',
      };
    }),
  ];
}

/**
 * The answer of an engine about a network, as `docker network inspect` prints it, with a key `Kernel` in each of
 * `Containers`.
 *
 * @param answer GET /networks/{id}
 */
export function networkAsDocker(answer: unknown, { members, bridge }: NetworkReport): readonly unknown[] {
  return [
    withKernel(answer, ['Containers'], (id): Kernel => {
      const { interface: inside, hostVeth, linkState } = members.find((one) => one.containerId === id) ?? {};
      return {
        ...(inside === undefined ? {} : { Interface: inside }),
        ...(hostVeth === undefined ? {} : { HostVeth: hostVeth }),
        ...(bridge === undefined ? {} : { Bridge: bridge.name }),
        ...(linkState === undefined ? {} : { Carrier: linkState === 'up' }),
      };
    }),
  ];
}

/** A copy of the value in which every object of the map at the path has the key more. */
function withKernel(value: unknown, path: readonly string[], kernelOf: (key: string) => Kernel): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const [name, ...rest] = path;
  if (name !== undefined) {
    const inner: unknown = (value as Readonly<Record<string, unknown>>)[name];
    return inner === undefined ? value : { ...value, [name]: withKernel(inner, rest, kernelOf) };
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      typeof one === 'object' && one !== null ? { ...one, Kernel: kernelOf(key) } : (one as unknown),
    ]),
  );
}

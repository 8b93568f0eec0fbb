import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseIp, parseProtocol } from '../../model/index.ts';
import { nameOfId, type ContainerView, type EngineView, type PublishedView } from './container-view.ts';
import { attempt } from './network-view.ts';

/** Where containerd keeps the bundle of each container that has a task: `<namespace>/<id>`. Source: containerd, runtime v2. */
const bundles = 'io.containerd.runtime.v2.task';

/** A namespace of an engine that tells of its containers itself, and knows more of them. */
const dockers = 'moby';

/** The parts of a bundle's `config.json` that are looked at. Source: OCI runtime specification. */
interface Bundle {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: { readonly namespaces?: readonly { readonly type: string; readonly path?: string }[] };
}

/**
 * The containers of containerd, which has no network of its own: names, pods and ports as Kubernetes and nerdctl note them
 * in each bundle. Read from files, because its socket speaks gRPC; undefined when no container runs.
 *
 * @param state its state directory, `/run/containerd` by default
 * @throws errors of `node:fs`, such as EACCES for an ordinary user
 */
export function readContainerd(state: string): EngineView | undefined {
  const namespaces = listIfPresent(join(state, bundles)).filter((namespace) => namespace !== dockers);
  const containers = namespaces.flatMap((namespace) => {
    const folder = join(state, bundles, namespace);
    return listIfPresent(folder).flatMap((id) => containerIn(join(folder, id), id) ?? []);
  });
  if (containers.length === 0) return undefined;
  return { kind: 'containerd', version: '', socket: state, networks: [], containers };
}

function containerIn(bundle: string, id: string): ContainerView | undefined {
  const parsed = parse(readIfPresent(join(bundle, 'config.json')));
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const config = parsed as Bundle;
  const { annotations = {} } = config;
  const networks = namesIn(annotations['nerdctl/networks']);
  const pid = Number(readIfPresent(join(bundle, 'init.pid')));
  const path = networkNamespace(config)?.path;
  const ports = portsIn(annotations['nerdctl/ports']);
  return {
    id,
    name: nameIn(annotations) ?? nameOfId(id),
    image: annotations['io.kubernetes.cri.image-name'] ?? '',
    state: pid > 0 ? 'running' : 'created',
    ...(pid > 0 ? { pid } : {}),
    networkMode: modeOf(config, networks),
    ...(path === undefined || path.startsWith('/proc/') ? {} : { sandboxPath: path }),
    attachments: networks.map((name) => ({
      networkId: name,
      networkName: name,
      addresses: [],
      aliases: [],
    })),
    requestedPorts: ports,
    publishedPorts: ports,
    exposedPorts: [],
    labels: annotations,
  };
}

/** `namespace/pod` of a sandbox of Kubernetes, `namespace/pod/container` of what is in it, and the name in nerdctl. */
function nameIn(annotations: Readonly<Record<string, string>>): string | undefined {
  const pod = annotations['io.kubernetes.cri.sandbox-name'];
  if (pod === undefined) return annotations['nerdctl/name'] || undefined;
  const parts = [
    annotations['io.kubernetes.cri.sandbox-namespace'],
    pod,
    annotations['io.kubernetes.cri.container-name'],
  ];
  return parts.filter(Boolean).join('/');
}

/** As `ContainerView.networkMode`; `cni` where only the path of the namespace is known. */
function modeOf(config: Bundle, networks: readonly string[]): string {
  const { annotations = {} } = config;
  const sandbox = annotations['io.kubernetes.cri.sandbox-id'];
  const isInPod = annotations['io.kubernetes.cri.container-type'] === 'container';
  if (isInPod && sandbox !== undefined) return `container:${sandbox}`;
  const namespace = networkNamespace(config);
  if (namespace === undefined) return 'host';
  return networks[0] ?? (namespace.path === undefined ? 'none' : 'cni');
}

function networkNamespace({ linux }: Bundle) {
  return linux?.namespaces?.find(({ type }) => type === 'network');
}

function namesIn(text: string | undefined): string[] {
  const names = parse(text);
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

/** Source: go-cni, PortMapping. */
interface PortMapping {
  readonly HostPort?: number;
  readonly ContainerPort?: number;
  readonly Protocol?: string;
  readonly HostIP?: string;
}

function portsIn(text: string | undefined): PublishedView[] {
  const mappings = parse(text);
  if (!Array.isArray(mappings)) return [];
  return (mappings as (PortMapping | null)[]).flatMap((mapping) => {
    const { HostPort, ContainerPort, Protocol, HostIP } = mapping ?? {};
    const protocol = attempt(() => parseProtocol(Protocol));
    if (protocol === undefined || !isPort(ContainerPort)) return [];
    const hostIp = HostIP === '0.0.0.0' ? undefined : attempt(() => parseIp(HostIP));
    return [
      {
        protocol,
        ...(hostIp === undefined ? {} : { hostIp }),
        ...(isPort(HostPort) ? { hostPort: HostPort } : {}),
        containerPort: ContainerPort,
      },
    ];
  });
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
}

/** What others wrote may be anything. */
function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function listIfPresent(folder: string): string[] {
  return absentAs([], () => readdirSync(folder));
}

/** A container may end between two looks. */
function readIfPresent(path: string): string | undefined {
  return absentAs(undefined, () => readFileSync(path, 'utf8'));
}

function absentAs<T>(absent: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return absent;
    throw error;
  }
}

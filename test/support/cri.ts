import { callGrpc } from './grpc.ts';
import { mapField, type Fields, type Message } from './protobuf.ts';

/** A pod as the kubelet describes it to a runtime. */
export interface PodConfig {
  /** Also its hostname. */
  readonly name: string;
  readonly ports?: readonly PodPort[];
  readonly dns?: { readonly servers: readonly string[]; readonly searches: readonly string[] };
  readonly annotations?: Readonly<Record<string, string>>;
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** A port of a pod's container that is published on the host. */
export interface PodPort {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol?: 'tcp' | 'udp';
  readonly hostIp?: string;
}

/** What a runtime tells of a pod. */
export interface PodStatus {
  readonly isReady: boolean;
  /** The first is the pod's, as Kubernetes shows it; none where it is not ready. */
  readonly addresses: readonly string[];
}

/** A condition of a runtime, such as NetworkReady. */
export interface RuntimeCondition {
  readonly isTrue: boolean;
  readonly message: string;
}

/** A container runtime, as the kubelet sees it. Methods throw a GrpcError with what the runtime says. */
export interface Cri {
  /** Makes a pod with one container, and gives the pod's id. */
  readonly run: (pod: PodConfig, image: string) => Promise<string>;
  /** Makes the sandbox only. */
  readonly runSandbox: (pod: PodConfig) => Promise<string>;
  readonly stop: (id: string) => Promise<void>;
  readonly remove: (id: string) => Promise<void>;
  readonly status: (id: string) => Promise<PodStatus>;
  /** The number of the process that holds a pod's namespaces, as numbered on the runtime's host. */
  readonly pid: (id: string) => Promise<number>;
  /** Ids of all pods by their names. */
  readonly pods: () => Promise<ReadonlyMap<string, string>>;
  readonly condition: (type: 'RuntimeReady' | 'NetworkReady') => Promise<RuntimeCondition>;
  /** The networks that the next pod gets. */
  readonly networks: () => Promise<readonly string[]>;
  readonly hasImage: (image: string) => Promise<boolean>;
}

/**
 * Speaks CRI, the interface between the kubelet and container runtimes, with a runtime.
 *
 * Source: kubernetes/cri-api, pkg/apis/runtime/v1/api.proto: names and numbers of all fields.
 *
 * @param socket path of the runtime's unix socket
 */
export function connectCri(socket: string): Cri {
  const call = async (method: string, request: Fields) =>
    await callGrpc(socket, `/runtime.v1.RuntimeService/${method}`, request);
  const runSandbox: Cri['runSandbox'] = async (pod) =>
    (await call('RunPodSandbox', { 1: podSandboxConfig(pod) })).text(1);
  return {
    runSandbox,
    run: async (pod, image) => {
      const id = await runSandbox(pod);
      const config = { 1: { 1: pod.name }, 2: { 1: image } };
      const created = await call('CreateContainer', { 1: id, 2: config, 3: podSandboxConfig(pod) });
      await call('StartContainer', { 1: created.text(1) });
      return id;
    },
    stop: async (id) => void (await call('StopPodSandbox', { 1: id })),
    remove: async (id) => void (await call('RemovePodSandbox', { 1: id })),
    status: async (id) => podStatus((await call('PodSandboxStatus', { 1: id })).message(1)),
    pods: async () => {
      const pods = (await call('ListPodSandbox', {})).messages(1);
      return new Map(pods.map((pod) => [pod.message(2).text(1), pod.text(1)]));
    },
    condition: async (type) => {
      const conditions = (await call('Status', {})).message(1).messages(1);
      const found = conditions.find((condition) => condition.text(1) === type);
      return { isTrue: found?.number(2) === 1, message: found?.text(4) ?? 'it is not told' };
    },
    pid: async (id) => {
      const { pid } = verboseInfo<{ pid: number }>(
        await call('PodSandboxStatus', { 1: id, 2: true }),
        'info',
      );
      return pid ?? 0;
    },
    networks: async () => {
      const { Networks: networks } = verboseInfo<CniConfig>(await call('Status', { 1: true }), 'cniconfig');
      return (networks ?? []).map((network) => network.Config.Name).filter((name) => name !== 'cni-loopback');
    },
    hasImage: async (image) => {
      const answer = await callGrpc(socket, '/runtime.v1.ImageService/ImageStatus', { 1: { 1: image } });
      return answer.messages(1).length > 0;
    },
  };
}

/** What containerd tells beyond what CRI knows, as JSON below a name. */
function verboseInfo<T>(answer: Message, name: string): Partial<T> {
  const text = answer
    .messages(2)
    .find((entry) => entry.text(1) === name)
    ?.text(2);
  return JSON.parse(text ?? '{}') as Partial<T>;
}

interface CniConfig {
  readonly Networks?: readonly { readonly Config: { readonly Name: string } }[] | null;
}

const protocols = { tcp: 0, udp: 1 } as const;

function podSandboxConfig({ name, ports = [], dns, annotations, sysctls }: PodConfig): Fields {
  return {
    1: { 1: name, 2: `uid-${name}`, 3: 'default' },
    2: name,
    ...(dns === undefined ? {} : { 4: { 1: dns.servers, 2: dns.searches } }),
    5: ports.map(({ protocol = 'tcp', containerPort, hostPort, hostIp }) => ({
      1: protocols[protocol],
      2: containerPort,
      3: hostPort,
      4: hostIp,
    })),
    7: mapField(annotations ?? {}),
    8: { 3: mapField(sysctls ?? {}) },
  };
}

function podStatus(status: Message): PodStatus {
  const network = status.message(5);
  const addresses = [network.text(1), ...network.messages(2).map((ip) => ip.text(1))];
  return { isReady: status.number(3) === 0, addresses: addresses.filter((address) => address !== '') };
}

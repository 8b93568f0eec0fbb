// What the parts of an engine's answers that are read here look like. An engine of another kind, or something that is
// none, must not be taken for an engine that knows nothing: what an engine does not know is removed as garbage.

type Fits = (value: unknown) => boolean;

/** What is asked of an engine, by what its answer must look like. Source: Docker Engine API v1.24. */
export const answerShapes = answers();

/** The answer, if it looks like that. @throws TypeError that names the question */
export function shaped(answer: unknown, shape: keyof typeof answerShapes, path: string): unknown {
  if (answerShapes[shape](answer)) return answer;
  throw new TypeError(`${path}: it does not answer as an engine does`);
}

function answers() {
  const attachment = object({
    NetworkID: text,
    EndpointID: text,
    IPAddress: text,
    GlobalIPv6Address: text,
    Gateway: text,
    MacAddress: text,
    Aliases: list(isText),
  });
  const ports = map(list(object({ HostIp: text, HostPort: text })));
  const endpoint = object({ EndpointID: text, IPv4Address: text, IPv6Address: text });
  const range = object({ Subnet: text, Gateway: text, IPRange: text, AuxiliaryAddresses: map(isText) });
  const network = object({
    Id: isText,
    Name: text,
    Driver: text,
    Internal: flag,
    IPAM: maybe(object({ Driver: text, Config: list(range) })),
    Options: map(isText),
    Containers: map(endpoint),
  });
  const state = object({
    Status: text,
    Pid: count,
    ExitCode: whole,
    OOMKilled: flag,
    Error: text,
    StartedAt: text,
    FinishedAt: text,
    Health: maybe(object({ Status: text })),
  });
  return {
    version: object({ Version: text, Components: list(object({ Name: text })) }),
    info: object({ ID: text, DockerRootDir: text }),
    network,
    networks: allOf(network),
    containers: allOf(
      object({
        Id: isText,
        Names: list(isText),
        Image: text,
        State: text,
        Labels: map(isText),
        HostConfig: maybe(object({ NetworkMode: text })),
        NetworkSettings: maybe(object({ Networks: map(attachment) })),
      }),
    ),
    container: object({
      Id: isText,
      Name: text,
      State: maybe(state),
      Config: maybe(object({ Image: text, ExposedPorts: map(() => true), Labels: map(isText) })),
      HostConfig: maybe(object({ NetworkMode: text, PortBindings: ports })),
      NetworkSettings: maybe(object({ SandboxKey: text, Ports: ports, Networks: map(attachment) })),
    }),
  };
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function text(value: unknown): boolean {
  return value === undefined || isText(value);
}

function whole(value: unknown): boolean {
  return value === undefined || Number.isSafeInteger(value);
}

function count(value: unknown): boolean {
  return value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0);
}

function flag(value: unknown): boolean {
  return value === undefined || typeof value === 'boolean';
}

/** Go writes null for what is empty. */
function maybe(fits: Fits): Fits {
  return (value) => value === undefined || value === null || fits(value);
}

function allOf(fits: Fits): Fits {
  return (value) => Array.isArray(value) && value.every(fits);
}

function list(fits: Fits): Fits {
  return maybe(allOf(fits));
}

function map(fits: Fits): Fits {
  return maybe((value) => isObject(value) && Object.values(value).every(fits));
}

function object(fields: Readonly<Record<string, Fits>>): Fits {
  return (value) =>
    isObject(value) &&
    Object.entries(fields).every(([key, fits]) => fits(Object.hasOwn(value, key) ? value[key] : undefined));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

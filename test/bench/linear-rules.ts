/** One published port and the container behind it. */
export interface LinearPort {
  readonly bridge: string;
  readonly protocol: 'tcp' | 'udp';
  readonly hostPort: number;
  readonly target: string;
  readonly targetPort: number;
}

/**
 * The chains and rules that Docker's bridge driver makes once, and for each of its networks, as input of
 * `iptables-restore`. Source: `iptables-save` beside Docker Engine 20.10.
 */
export function formatBase(bridges: readonly { readonly name: string; readonly subnet: string }[]): string {
  return [
    '*nat',
    ':DOCKER - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
    ...bridges.map(({ name, subnet }) => `-A POSTROUTING -s ${subnet} ! -o ${name} -j MASQUERADE`),
    ...bridges.map(({ name }) => `-A DOCKER -i ${name} -j RETURN`),
    'COMMIT',
    '*filter',
    ':DOCKER - [0:0]',
    ...bridges.flatMap(({ name }) => [
      `-A FORWARD -o ${name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      `-A FORWARD -o ${name} -j DOCKER`,
      `-A FORWARD -i ${name} -j ACCEPT`,
    ]),
    'COMMIT',
    '',
  ].join('\n');
}

/** The three rules of each published port, as input of `iptables-restore --noflush`. */
export function formatPorts(ports: readonly LinearPort[]): string {
  const rules = ports.map(rulesOf);
  return [
    '*nat',
    ...rules.flatMap(({ nat }) => nat.map((rule) => `-A ${rule}`)),
    'COMMIT',
    '*filter',
    ...rules.map(({ filter }) => `-A ${filter}`),
    'COMMIT',
    '',
  ].join('\n');
}

/** The same rules as commands of a script, appended (`-A`) or deleted (`-D`) one by one. */
export function ruleCommands(verb: '-A' | '-D', port: LinearPort): string[] {
  const { nat, filter } = rulesOf(port);
  return [
    ...nat.map((rule) => `iptables --wait -t nat ${verb} ${rule}`),
    `iptables --wait -t filter ${verb} ${filter}`,
  ];
}

function rulesOf({ bridge, protocol, hostPort, target, targetPort }: LinearPort): {
  readonly nat: readonly string[];
  readonly filter: string;
} {
  const match = `-p ${protocol} -m ${protocol} --dport`;
  return {
    nat: [
      `DOCKER ! -i ${bridge} ${match} ${hostPort} -j DNAT --to-destination ${target}:${targetPort}`,
      `POSTROUTING -s ${target}/32 -d ${target}/32 ${match} ${targetPort} -j MASQUERADE`,
    ],
    filter: `DOCKER -d ${target}/32 ! -i ${bridge} -o ${bridge} ${match} ${targetPort} -j ACCEPT`,
  };
}

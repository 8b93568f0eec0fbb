/** What is read of each namespace beside its links. */
export type Part = (typeof allParts)[number];

/** Everything there is to read without starting a program. */
export const allParts = [
  'processes',
  'counters',
  'addresses',
  'routes',
  'policyRules',
  'neighbours',
  'forwarding',
  'sockets',
  'sysctls',
] as const;

/** What it takes to say which link is connected with which, and whose they are. */
export const topologyParts: readonly Part[] = ['processes', 'addresses'];

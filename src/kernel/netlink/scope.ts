/** How far an address or route reaches. Source: ip-address(8), `linux/rtnetlink.h` RT_SCOPE_*. */
export type Scope = keyof typeof scopes;

const scopes = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

/** The number of a scope. */
export function encodeScope(scope: Scope): number {
  return scopes[scope];
}

/** The scope with that number; numbers that administrators may define count as global. */
export function decodeScope(number: number): Scope {
  return names.get(number) ?? 'global';
}

const names = new Map(Object.entries(scopes).map(([name, number]) => [number as number, name as Scope]));

/** AF_INET and AF_INET6. Source: `linux/socket.h`. */
export const addressFamilies = { 4: 2, 6: 10 } as const;

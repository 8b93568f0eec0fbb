import { invalid } from './errors.ts';

/** The name of a network interface: 1 to 15 bytes. Source: Linux `dev_valid_name()`, IFNAMSIZ 16. */
export type IfName = string & { readonly __brand: 'IfName' };

/** The id of a network: an engine's 64 hexadecimal digits, 25 base-36 characters from a swarm, or our own. */
export type NetworkId = string & { readonly __brand: 'NetworkId' };

/** The id of an endpoint: an engine's 64 hexadecimal digits or our own. */
export type EndpointId = string & { readonly __brand: 'EndpointId' };

/** A pool's name, made of its content: `local/10.1.0.0/24`, or `local/10.1.0.0/24/10.1.0.128/25` with a range. */
export type PoolId = string & { readonly __brand: 'PoolId' };

const ifNamePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;
const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/**
 * Reads an interface name. Narrower than the kernel, which takes any byte but `/`, `:` and white space: a name made
 * of letters, digits, dot, dash and underscore needs no quoting in rule text and can't hide control characters.
 *
 * @throws invalid-input
 */
export function parseIfName(text: unknown, field = 'interface name'): IfName {
  if (typeof text !== 'string' || !ifNamePattern.test(text)) {
    throw invalid(
      field,
      text,
      '1 to 15 letters, digits, dots, dashes or underscores, starting with a letter or digit',
    );
  }
  return text as IfName;
}

/** Reads a network id. @throws invalid-input */
export function parseNetworkId(text: unknown, field = 'NetworkID'): NetworkId {
  return parseId(text, field) as NetworkId;
}

/** Reads an endpoint id. @throws invalid-input */
export function parseEndpointId(text: unknown, field = 'EndpointID'): EndpointId {
  return parseId(text, field) as EndpointId;
}

/** The first 12 characters of an id, as engines print them. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

function parseId(text: unknown, field: string): string {
  if (typeof text !== 'string' || !idPattern.test(text)) {
    throw invalid(field, text, 'an id of 1 to 128 letters, digits, dots, dashes or underscores');
  }
  return text;
}

import * as v from 'valibot';
import { TsnetError } from '../../model/index.ts';
import { portMapKey, portMapSchema, splitGatewaysKey } from './port-options.ts';

// The bodies of the calls. Source: Docker's network and IPAM remote driver protocol
// (libnetwork docs/remote.md and docs/ipam.md). Unknown fields are ignored: newer engines send more.

const text = orElse(v.string(), '');
const textMap = orElse(v.record(v.string(), v.string()), {});

const addressData = orElse(
  v.array(v.object({ AddressSpace: text, Pool: v.string(), Gateway: text, AuxAddresses: textMap })),
  [],
);

const networkOptions = orElse(
  v.object({
    'com.docker.network.generic': textMap,
    'com.docker.network.internal': v.optional(v.boolean(), false),
  }),
  { 'com.docker.network.generic': {}, 'com.docker.network.internal': false },
);

export const gwAllocCheckSchema = v.object({ Options: networkOptions });

export const createNetworkSchema = v.object({
  NetworkID: v.string(),
  Options: networkOptions,
  IPv4Data: addressData,
  IPv6Data: addressData,
});

export const networkSchema = v.object({ NetworkID: v.string() });

export const endpointSchema = v.object({ NetworkID: v.string(), EndpointID: v.string() });

export const createEndpointSchema = v.object({
  ...endpointSchema.entries,
  Options: orElse(v.record(v.string(), v.unknown()), {}),
  Interface: orElse(v.object({ Address: text, AddressIPv6: text, MacAddress: text }), {
    Address: '',
    AddressIPv6: '',
    MacAddress: '',
  }),
});

export const joinSchema = v.object({ ...endpointSchema.entries, SandboxKey: v.string() });

export const programSchema = v.object({
  ...endpointSchema.entries,
  Options: orElse(
    v.object({ [portMapKey]: orElse(portMapSchema, []), [splitGatewaysKey]: orElse(v.boolean(), false) }),
    { [portMapKey]: [], [splitGatewaysKey]: false },
  ),
});

export const requestPoolSchema = v.object({
  AddressSpace: v.string(),
  Pool: text,
  SubPool: text,
  Options: textMap,
  V6: v.optional(v.boolean(), false),
});

export const poolSchema = v.object({ PoolID: v.string() });

export const requestAddressSchema = v.object({ PoolID: v.string(), Address: text, Options: textMap });

export const releaseAddressSchema = v.object({ PoolID: v.string(), Address: v.string() });

/**
 * Reads a request of that shape.
 *
 * @throws invalid-input that names the first wrong field, its value's type and what was expected
 */
export function decode<Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const field = v.getDotPath(issue) ?? 'request';
  const problem =
    issue.received === 'undefined'
      ? 'it is required and missing'
      : `${issue.received} is not allowed, expected ${issue.expected ?? 'another value'}`;
  throw new TsnetError('invalid-input', `${field}: ${problem}`, { subject: field });
}

/** A field that may be missing or null, which both mean the same. */
function orElse<Schema extends v.GenericSchema>(schema: Schema, fallback: v.InferOutput<Schema>) {
  return v.nullish(schema, fallback) as unknown as v.GenericSchema<unknown, v.InferOutput<Schema>>;
}

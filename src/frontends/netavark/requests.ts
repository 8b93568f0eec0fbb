import * as v from 'valibot';

// What Podman and netavark send. Source: netavark 1.14 `src/network/types.rs` and what Podman 5.4 was seen to send.
// Podman leaves out what is not set, netavark writes null: both mean the same. Unknown fields are ignored.

const text = orElse(v.string(), '');
const textMap = orElse(v.record(v.string(), v.string()), {});

const subnetSchema = v.object({ subnet: v.string(), gateway: text });

const routeSchema = v.object({
  destination: v.string(),
  gateway: text,
  metric: v.nullish(v.number()),
  route_type: text,
});

/** A network as Podman has it. */
export const networkSchema = v.object({
  id: v.string(),
  name: text,
  network_interface: text,
  subnets: orElse(v.array(subnetSchema), []),
  routes: orElse(v.array(routeSchema), []),
  ipv6_enabled: orElse(v.boolean(), false),
  internal: orElse(v.boolean(), false),
  options: textMap,
  ipam_options: textMap,
  network_dns_servers: orElse(v.array(v.string()), []),
});

/** A network as Podman has it. */
export type PodmanNetwork = v.InferOutput<typeof networkSchema>;

/** Published ports: `range` of them from the two first ones on, for each protocol of a list with commas. */
export const portMappingSchema = v.object({
  container_port: v.number(),
  host_ip: text,
  host_port: v.number(),
  protocol: text,
  range: orElse(v.number(), 1),
});

/** Published ports as netavark writes them. */
export type PortMapping = v.InferOutput<typeof portMappingSchema>;

/** What `setup` gets. */
export const setupSchema = v.object({
  container_id: v.string(),
  container_name: text,
  port_mappings: orElse(v.array(portMappingSchema), []),
  network: networkSchema,
  network_options: v.object({
    aliases: orElse(v.array(v.string()), []),
    interface_name: v.string(),
    static_ips: orElse(v.array(v.string()), []),
    static_mac: text,
    options: textMap,
  }),
});

/** What `teardown` needs of the same. */
export const teardownSchema = v.object({
  container_id: v.string(),
  network: v.object({ id: v.string() }),
  network_options: v.object({ interface_name: v.string() }),
});

/** A field that may be missing or null, which both mean the same. */
function orElse<Schema extends v.GenericSchema>(schema: Schema, fallback: v.InferOutput<Schema>) {
  return v.nullish(schema, fallback) as unknown as v.GenericSchema<unknown, v.InferOutput<Schema>>;
}

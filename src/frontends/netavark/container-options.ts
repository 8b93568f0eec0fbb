import { TsnetError, type Shaping } from '../../model/index.ts';
import { parseShapingOptions, shapingNames } from '../docker/shaping-options.ts';

const known = Object.entries(shapingNames);

/**
 * Reads what `podman run --network NAME:key=value` says of one container: limits of its speed, under the names that
 * networks have for them, with or without `tsnet.` in front. Podman hands on every key that it does not know itself.
 *
 * Source: containers/podman `pkg/specgen/namespaces.go`, `parseBridgeNetworkOptions`.
 *
 * @throws invalid-input for a bad value; unsupported for another key
 */
export function parseContainerOptions(options: Readonly<Record<string, string>>): {
  readonly shaping?: Shaping;
} {
  const stray = Object.keys(options).find((key) => !known.flat().includes(key));
  // Podman's own bridge driver knows `host_interface_name`; here names on the host belong to the endpoint.
  if (stray !== undefined) {
    throw new TsnetError('unsupported', `network_options.options: ${JSON.stringify(stray)} is not known`, {
      hint: `a container can name interface_name, ip, ip6, mac, alias, ${Object.keys(shapingNames).join(', ')}`,
    });
  }
  const shaping = parseShapingOptions((name) => {
    const key = known.find(([, full]) => full === name)?.find((spelling) => Object.hasOwn(options, spelling));
    return key === undefined
      ? undefined
      : { value: options[key] ?? '', field: `network_options.options.${key}` };
  });
  return shaping === undefined ? {} : { shaping };
}

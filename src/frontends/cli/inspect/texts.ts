import type { PublishedPort } from '../../../inspect/views/index.ts';

/** Bytes in at most five characters, such as `8.4M`. Units are powers of 1,000. */
export function bytesText(bytes: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return unit > 0 && value < 9.95
    ? `${value.toFixed(1)}${units[unit]}`
    : `${Math.round(value)}${units[unit]}`;
}

/** Received and sent, as its own side counts. */
export function trafficText(
  counters: { readonly receivedBytes: number; readonly sentBytes: number } | undefined,
): string {
  return counters === undefined
    ? ''
    : `${bytesText(counters.receivedBytes)}/${bytesText(counters.sentBytes)}`;
}

/** Addresses without those that every link gives itself, unless there are no others. */
export function addressesText(addresses: readonly string[]): string {
  const others = addresses.filter((address) => !address.startsWith('fe80:'));
  return others.join(' ');
}

/** Such as `0.0.0.0:8088 → web:80/tcp`. */
export function publishedText({
  hostIp,
  hostPort,
  container,
  containerPort,
  protocol,
}: PublishedPort): string {
  const host = hostIp === undefined ? '*' : hostIp.includes(':') ? `[${hostIp}]` : hostIp;
  return `${host}:${hostPort ?? '?'} → ${container}:${containerPort}/${protocol}`;
}

/** Published ports, one text for those that differ only in the host's address of every family. */
export function publishedTexts(ports: readonly PublishedPort[]): string[] {
  const isEvery = (ip: string | undefined): boolean => ip === undefined || ip === '0.0.0.0' || ip === '::';
  const seen = new Set<string>();
  return ports.flatMap((port) => {
    if (!isEvery(port.hostIp)) return [publishedText(port)];
    const { hostIp: _, ...every } = port;
    const text = publishedText(every);
    if (seen.has(text)) return [];
    seen.add(text);
    const families = ports.filter((one) => isEvery(one.hostIp) && sameButAddress(one, port)).length;
    return [families === 1 && port.hostIp !== undefined ? publishedText(port) : text];
  });
}

function sameButAddress(one: PublishedPort, other: PublishedPort): boolean {
  return (
    one.protocol === other.protocol &&
    one.hostPort === other.hostPort &&
    one.container === other.container &&
    one.containerPort === other.containerPort
  );
}

/** `1 container`, `2 containers`. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

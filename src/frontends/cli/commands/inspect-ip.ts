import type { Command } from 'commander';
import { ipReport } from '../../../inspect/views/index.ts';
import { answer } from '../inspect/answer.ts';
import { ipLines } from '../inspect/format-ip.ts';

/** `tsnet inspect ip ADDRESS|CIDR`: who has an address, who uses a range, and how the host gets there. */
export async function inspectIp(command: Command, wanted: string): Promise<void> {
  await answer(command, {
    reads: { parts: ['processes', 'addresses', 'routes', 'neighbours'], flows: 'host' },
    ask: (map) => ipReport(map, wanted),
    lines: ipLines,
  });
}

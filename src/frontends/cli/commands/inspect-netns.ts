import type { Command } from 'commander';
import { netnsList } from '../../../inspect/views/index.ts';
import { answer } from '../inspect/answer.ts';
import { netnsLines } from '../inspect/format-netns.ts';

/** `tsnet inspect netns [ID|PATH]`: all network namespaces and who is in them. */
export async function inspectNetns(command: Command, wanted?: string): Promise<void> {
  await answer(command, {
    reads: { parts: ['processes', 'counters', 'addresses', 'sockets'] },
    ask: (map) => netnsList(map, wanted),
    lines: (found, screen) => netnsLines(found, screen, wanted !== undefined),
    items: ({ namespaces }) => namespaces,
  });
}

import type { Command } from 'commander';
import { bootId } from '../../kernel/proc/index.ts';
import { printable, TsnetError } from '../../model/index.ts';
import { State } from '../../state/index.ts';
import { readSettings } from './settings.ts';

/** The records for reading, which neither waits for a writer nor holds one up. */
export function openRecords(command: Command): State {
  const { stateDirectory: directory, runDirectory } = readSettings(command);
  return State.open({ directory, runDirectory, bootId: bootId(), readOnly: true });
}

/**
 * As `openRecords`, for an answer that people rely on: it says on standard error if records of this boot were lost.
 *
 * @throws unavailable when nothing is recorded of what the kernel holds
 */
export async function openView(command: Command): Promise<State> {
  const state = openRecords(command);
  try {
    if (!state.isThere()) await refuseUnrecorded(command);
    const lost = state.lostRecords();
    if (lost !== undefined && lost.kept === undefined)
      say("records of this boot were lost: run 'tsnet reconcile'");
    else if (lost !== undefined)
      say(`records of this boot were lost, and nothing tells of ${lost.kept?.join(', ')}`);
    return state;
  } catch (error) {
    state[Symbol.dispose]();
    throw error;
  }
}

async function refuseUnrecorded(command: Command): Promise<void> {
  const { Rtnetlink } = await import('../../kernel/netlink/index.ts');
  const { ownerOf } = await import('../../observe/index.ts');
  const { netns, stateDirectory } = readSettings(command);
  using rtnetlink = Rtnetlink.open(netns);
  const marked = (await rtnetlink.listLinks()).filter((link) => ownerOf(link) !== 'host');
  if (marked.length === 0) return;
  throw new TsnetError(
    'unavailable',
    `read state: the records are lost: there are none in ${stateDirectory}, and ${marked.length} links have our mark`,
    {
      subject: stateDirectory,
      hint: "'tsnet state restore --from COPY', or 'tsnet reconcile' to go on without",
    },
  );
}

function say(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

import { TsnetError } from '../../model/errors.ts';
import { runCommand } from '../run-command.ts';

/**
 * Everything in nftables as `nft --json list ruleset` prints it, with counters and handles.
 *
 * Source: libnftables-json(5).
 *
 * @param netns path of a namespace; absent means the process's own
 * @throws unsupported without nft, denied, kernel
 */
export async function readRuleSet(netns?: string): Promise<unknown> {
  const place = netns === undefined ? {} : { netns };
  const { stdout } = await runCommand('nft', ['--json', 'list', 'ruleset'], place);
  try {
    return JSON.parse(stdout) as unknown;
  } catch (error) {
    throw new TsnetError('kernel', 'run nft --json list ruleset: its answer is no JSON', { cause: error });
  }
}

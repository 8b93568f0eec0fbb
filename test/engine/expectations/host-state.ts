import type { Engine } from '../../support/engine.ts';

const commands = [
  ['iptables-save', '-c'],
  ['nft', 'list', 'ruleset'],
  ['ip', '-br', 'address'],
  ['conntrack', '-L'],
] as const;
const logLines = 60;

/** What the engine's host holds and what the daemon last logged, for somebody who was not there when a case failed. */
export async function describeHost(engine: Engine): Promise<string> {
  const parts = await Promise.all(
    commands.map(async ([command, ...args]) => {
      const said = await engine.netns.exec(command, ...args).catch((error: unknown) => String(error));
      return `── ${[command, ...args].join(' ')}\n${said}`;
    }),
  );
  const log = (await engine.daemonLog().catch((error: unknown) => String(error))).trimEnd().split('\n');
  return [...parts, `── the last lines of the daemon's log`, ...log.slice(-logLines)].join('\n');
}

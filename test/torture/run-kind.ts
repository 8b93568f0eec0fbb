import { after, callOperation, must, type Kind } from './kind.ts';
import { tsnetCall, type Call, type TortureHost } from './torture-host.ts';
import { flushAndReconcile, upkeep } from './upkeep.ts';

const wishes = ['--network', 'shared', '--ip', '10.47.0.50', '-p', '9100:80'];
const runCall = (name: string, ...flags: string[]): Call =>
  tsnetCall('run', '-d', '--name', name, ...flags, '--', 'sleep', 'infinity');
const remove = (...names: string[]): Call => tsnetCall('rm', '-f', ...names);
const extra = tsnetCall('network', 'create', 'extra', '--subnet', '10.48.0.0/24');
const victim = runCall('v1', ...wishes);

const answers = (host: TortureHost, name: string): Promise<string[]> =>
  must(host, `${name} is connected`, tsnetCall('exec', name, 'ping', '-n', '-c1', '-W3', '10.47.0.1'));

/** Removes a sandbox that may be there or not. */
async function removeIfThere(host: TortureHost, name: string): Promise<string[]> {
  const { code, stderr } = await host.call(remove(name));
  return code === 0 || /not found|no such|no sandbox|is not known/i.test(stderr)
    ? []
    : [`rm -f ${name}: ${code} ${stderr.trim()}`];
}

/** Kills of `tsnet run` and its sisters, without a daemon. */
export const runKind: Kind = {
  name: 'run',
  operations: [
    callOperation('run', victim),
    callOperation('run on the default network', runCall('v1', '-p', '9100:80')),
    callOperation('run in the foreground', tsnetCall('run', '--rm', '--name', 'v1', ...wishes, '--', 'true')),
    callOperation('stop', tsnetCall('stop', '-t', '0', 'v1'), after(victim)),
    callOperation('start', tsnetCall('start', 'v1'), after(victim, tsnetCall('stop', '-t', '0', 'v1'))),
    callOperation('rm', remove('v1'), after(victim)),
    callOperation('connect', tsnetCall('connect', 'extra', 'v1'), after(extra, victim)),
    callOperation('disconnect', tsnetCall('disconnect', 'shared', 'v1'), after(victim)),
  ],
  continuations: [
    ...['v1', 'v2'].map((name) => ({
      name: `rm of v1, run of ${name} with the same address and port`,
      async run(host: TortureHost) {
        return [
          ...(await removeIfThere(host, 'v1')),
          ...(await must(host, `run ${name}`, runCall(name, ...wishes))),
          ...(await answers(host, name)),
          ...(await flushAndReconcile(host)),
          ...(await answers(host, name)),
          ...(await must(host, `rm ${name}`, remove(name))),
        ];
      },
    })),
    {
      name: 'rm killed',
      async run(host, random) {
        await host.kill(remove('v1'), { step: 1 + random.below(60) });
        return [];
      },
    },
    {
      name: 'a run on the default network',
      async run(host) {
        return [...(await must(host, 'run v3', runCall('v3'))), ...(await must(host, 'rm v3', remove('v3')))];
      },
    },
    ...upkeep,
  ],
  async end(host) {
    const problems: string[] = [];
    for (const name of ['v1', 'v2', 'v3']) problems.push(...(await removeIfThere(host, name)));
    for (const network of ['extra', 'bridge']) await host.call(tsnetCall('network', 'rm', network));
    return problems;
  },
};

import { expect, it } from 'vitest';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';
import { oddTexts, mutateText } from '../../fuzz/mutate-text.ts';
import type { Random } from '../../fuzz/random.ts';
import { createSandboxHost } from '../run/sandbox-host.ts';

// Nothing here writes files by name or stays: `serve`, `install`, `snapshot -o`, `capture -w`.
const lines: readonly string[] = [
  'network create lab --subnet 10.44.0.0/24 --gateway 10.44.0.1 -o icc=false',
  'network create six --subnet fd44::/64 --internal --ip-range fd44::/80',
  'network ls --json',
  'network inspect lab',
  'network rm six',
  'run --rm --network lab --ip 10.44.0.9 -p 8080:80 --name web --env A=b --user 0:0 true',
  'run --rm --network name=lab,alias=x,rate=10mbit --hostname h --add-host a:1.2.3.4 --dns 192.0.2.1 true',
  'exec web true',
  'stop -t 1 web',
  'logs -n 5 web',
  'port web --json',
  'endpoint ls',
  'state dump',
  'ps -a',
  'reconcile --dry-run',
  'gc --dry-run --older-than 5',
  'doctor --json',
  'inspect port 8080/tcp --from lan --json',
  'inspect ip 10.44.0.9',
  'inspect veth --format {{range .Rows}}{{.Name}}{{end}}',
  'inspect network lab --docker',
  'graph --format dot',
  'version',
];
const words = [...new Set(lines.flatMap((line) => line.split(' ')))].filter((word) => word !== 'true');

it(
  'any command line is obeyed or refused by a named error, without stack traces or control characters',
  async () => {
    await using host = await createSandboxHost();
    await host.succeed('network', 'create', 'keep', '--subnet', '10.45.0.0/24');
    const outcomes = await fuzz({
      name: 'cli',
      form: 'text',
      inputs: 40,
      seeds: lines,
      answer: async (_, random) => {
        const args = changeWords(random, random.pick(lines).split(' '));
        const { code, stdout, stderr } = await host.tsnet(...args);
        const told = JSON.stringify({ args, code, stdout, stderr });
        // 70 is a defect, negative a signal or a time that is over.
        if (code === 70 || code < 0 || /^ {4}at /m.test(stderr)) throw new Error(told);
        if (/[^\P{Cc}\n\t]/u.test(stdout + stderr)) throw new Error(told);
        return `exit ${code}`;
      },
    });
    expect(outcomes.get('exit 2')).toBeGreaterThan(10);
    expect(outcomes.get('exit 0')).toBeGreaterThan(2);
    expect(await host.leftovers()).toEqual([]);
    expect(await host.succeed('network', 'ls')).toContain('keep');
  },
  fuzzTime,
);

/** A few words more, less, or changed. An argument can hold anything but NUL. */
function changeWords(random: Random, line: readonly string[]): string[] {
  let args = [...line];
  for (let changes = 1 + random.below(3); changes > 0; changes -= 1) {
    const at = random.below(args.length + 1);
    const word = random.once(3) ? random.pick(oddTexts) : random.pick(words);
    switch (random.below(4)) {
      case 0:
        args = [...args.slice(0, at), ...args.slice(at + 1)];
        break;
      case 1:
        args = [...args.slice(0, at), word, ...args.slice(at)];
        break;
      case 2:
        args = args.map((one, index) => (index === at ? word : one));
        break;
      default:
        args = args.map((one, index) =>
          index === at && one !== 'true' ? mutateText(random, one, words) : one,
        );
        break;
    }
  }
  return args.map((one) => one.replaceAll('\0', ''));
}

import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mutateJson, wordsOf, type Json } from '../../fuzz/mutate-json.ts';
import { readRecordings } from '../../fuzz/corpus.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';
import { createHost, type Host } from '../../support/host.ts';
import { hostFacts, withoutCarriers } from '../../support/host-facts.ts';

/** A call as an engine was seen to make it. */
interface Call {
  readonly call: string;
  readonly request: Json;
}

const calls = readRecordings(
  'cnm-traffic',
  /^28\.5\.2__(?:01|02|03|04|20|21|22|30|31|33|67|69|90|92)-.*\.jsonl$/,
)
  // The recorder had address spaces of its own.
  .map((line) => JSON.parse(line.replaceAll('rec-', '')) as Call)
  .filter(({ call, request }) => /^(?:NetworkDriver|IpamDriver)\./.test(call) && typeof request === 'object')
  .filter(({ request }) => request !== null);

let host: Host;
let untouched: string[];
beforeAll(async () => {
  host = await createHost();
  untouched = withoutCarriers(await hostFacts(host.netns));
});
afterAll(() => host[Symbol.asyncDispose]());

it(
  'changed calls of an engine are answered, and what is refused leaves nothing',
  async () => {
    const words = wordsOf(...calls.map(({ request }) => request));
    const outcomes = await fuzz({
      name: 'http-calls',
      form: 'bytes',
      inputs: 700,
      seeds: ['x'],
      answer: async (_, random) => {
        const { call, request } = random.pick(calls);
        const body = random.once(3) ? JSON.stringify(request) : mutateJson(random, request, words);
        const before = records();
        const { status, body: answer } = await host.call(call, body);
        const bug = host.complaints.find((line) => line.includes('"kind":"bug"'));
        if (bug !== undefined) throw new Error(`${call} ${body}: ${bug}`);
        const message = answer['Err'];
        if (message === undefined) return `${call} ${status}`;
        if (typeof message !== 'string' || /[\p{Cc}\u2028\u2029]/u.test(message)) {
          throw new Error(`${call} ${body}: ${JSON.stringify(answer)}`);
        }
        const after = records();
        if (after.join() !== before.join()) {
          throw new Error(
            `${call} ${body} is refused (${message}), but ${after.join()} was ${before.join()}`,
          );
        }
        return 'refused';
      },
    });
    expect(outcomes.get('refused')).toBeGreaterThan(50);
    expect(outcomes.get('NetworkDriver.CreateNetwork 200')).toBeGreaterThan(5);
    await endEverything();
    expect(records()).toEqual([]);
    expect(withoutCarriers(await hostFacts(host.netns))).toEqual(untouched);
  },
  fuzzTime,
);

it(
  'bytes that are no HTTP are refused, and the next call is answered',
  async () => {
    const body = '{"NetworkID":"n","EndpointID":"e"}';
    const head = `POST /NetworkDriver.Leave HTTP/1.1\r\nHost: p\r\nContent-Length: ${body.length}\r\n\r\n`;
    const outcomes = await fuzz({
      name: 'http',
      form: 'text',
      inputs: 400,
      seeds: [
        head + body,
        head + body + head + body,
        'GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n',
        'POST /NetworkDriver.Join HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
      ],
      dictionary: [
        'Content-Length: 5\r\n',
        'Transfer-Encoding: chunked\r\n',
        'Expect: 100-continue\r\n',
        '\r\n\r\n',
        'ffffffff',
      ],
      answer: async (bytes) => {
        const said = await exchange(bytes);
        await host.succeed('NetworkDriver.GetCapabilities');
        return /^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 'closed';
      },
    });
    expect(outcomes.get('400')).toBeGreaterThan(50);
    expect(outcomes.get('200')).toBeGreaterThan(10);
    expect(host.complaints.filter((line) => line.includes('"kind":"bug"'))).toEqual([]);
  },
  fuzzTime,
);

/** Keys of what was decided. A journal of what is done is swept later. */
function records(): string[] {
  return Object.keys(host.context.state.dump())
    .filter((key) => /^(?:network|endpoint|address|port|pool|lease)\//.test(key))
    .sort();
}

/** Writes bytes, says that no more will come, and gives what is said until the end. */
function exchange(bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(host.socket, () => socket.end(bytes));
    socket.setEncoding('latin1').on('data', (text: string) => (said += text));
    socket.on('error', () => undefined).on('close', () => resolve(said));
  });
}

/** Takes back whatever was made, as an engine does: endpoints, networks, leases, pools. */
async function endEverything(): Promise<void> {
  const of = (kind: string) =>
    records().flatMap((key) => (key.startsWith(`${kind}/`) ? [key.split('/').slice(1)] : []));
  for (const [NetworkID, EndpointID] of of('endpoint')) {
    await host.succeed('NetworkDriver.DeleteEndpoint', { NetworkID, EndpointID });
  }
  for (const [NetworkID] of of('network')) await host.succeed('NetworkDriver.DeleteNetwork', { NetworkID });
  for (const parts of of('lease')) {
    const [PoolID, Address] = [parts.slice(0, -1).join('/'), parts.at(-1)];
    await host.succeed('IpamDriver.ReleaseAddress', { PoolID, Address });
  }
  for (const parts of of('pool')) await host.succeed('IpamDriver.ReleasePool', { PoolID: parts.join('/') });
}

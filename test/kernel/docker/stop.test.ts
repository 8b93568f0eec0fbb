import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createHost } from '../../support/host.ts';

it('stops when the call that is under way is answered, though the engine keeps its connection open', async () => {
  let stopped: Promise<void>;
  let answer = '';
  {
    const host = await createHost();
    const engine = connect(host.socket);
    engine.setEncoding('utf8').on('data', (text: string) => (answer += text));
    engine.write(
      'POST /NetworkDriver.GetCapabilities HTTP/1.1\r\nHost: plugin\r\nContent-Length: 2\r\n\r\n{',
    );
    await setTimeout(100);
    stopped = Promise.resolve(host[Symbol.asyncDispose]());
    await setTimeout(100);
    engine.write('}');
  }
  await expect(Promise.race([stopped.then(() => 'stopped'), setTimeout(5_000, 'hangs')])).resolves.toBe(
    'stopped',
  );
  expect(answer).toContain('"Scope":"local"');
});

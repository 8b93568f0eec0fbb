// Calls everything the addon has with odd values, in a network namespace of its own. Each call must give a value or
// an Error; the process must live. Arguments: addon, folder, seed, rounds. Prints what happened as JSON.
import { closeSync } from 'node:fs';
import { createRequire } from 'node:module';

const [path, folder, seed, rounds] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(path);
process.chdir(folder);

let state = Number(seed);
/** A random integer from 0 to limit − 1; mulberry32, so that a failure can be repeated. */
function random(limit) {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
}
const pick = (values) => values[random(values.length)];

function detached() {
  const bytes = new Uint8Array(32);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function thrower() {
  return new Proxy(
    {},
    {
      get() {
        throw new Error('getter');
      },
      has() {
        throw new Error('has');
      },
    },
  );
}

function noise(size) {
  const bytes = Buffer.alloc(size);
  for (let index = 0; index < size; index++) bytes[index] = random(256);
  return bytes;
}

/** Whole messages with random types, flags and payloads. */
function messages() {
  return Buffer.concat(
    Array.from({ length: 1 + random(4) }, () => {
      const bytes = noise(16 + 4 * random(16));
      bytes.writeUInt32LE(bytes.length, 0);
      bytes.writeUInt16LE(pick([1, 2, 3, 16 + random(100), random(65_536)]), 4);
      if (random(2) === 0) bytes.writeUInt16LE(pick([1, 5, 0x305]), 6);
      bytes.writeUInt32LE(random(8), 8);
      return bytes;
    }),
  );
}

const numbers = () =>
  pick([0, 1, 2, 3, 4, 16, 17, -1, 1.5, -0, NaN, Infinity, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -(2 ** 31)]);
const paths = () =>
  pick([
    '',
    '\0',
    'a\0b',
    'x',
    '.',
    '..',
    '\ud800',
    'y'.repeat(5_000),
    '/nonexistent/a',
    '/proc/self/ns/net',
  ]);
const anything = () =>
  pick([
    () => undefined,
    () => null,
    () => true,
    () => 10n,
    () => Symbol('odd'),
    () => [],
    () => ({}),
    () => () => {},
    () => Array.from({ length: 10_000 }),
    () => new Uint8Array(random(64)),
    () => new Float64Array(4),
    () => new DataView(new ArrayBuffer(32)),
    () => new Uint8Array(new SharedArrayBuffer(32)),
    () => noise(random(200)),
    messages,
    numbers,
    paths,
    detached,
    revoked,
    thrower,
    () => Object.create(null),
    () => 'x'.repeat(random(100_000)),
    () => socket,
    () => ({ valueOf: () => 1 }),
  ])();
/** The right kind of value seven times out of eight, so that the calls get far. */
const or = (make) => (random(8) === 0 ? anything() : make());

const option = () => or(() => [or(() => pick([1, 270, 0, 263])), or(() => random(64)), or(numbers)]);
const plain = { domain: 16, type: 3, protocol: 0 };
const oddOptions = () =>
  or(() => ({
    ...(random(4) === 0 ? { netns: or(paths) } : {}),
    domain: or(() => pick([16, 16, 16, 17, 2, 1])),
    type: or(() => pick([3, 2, 1, 0x803])),
    protocol: or(() => pick([0, 4, 12, 0x300])),
    ...(random(3) === 0 ? { options: or(() => [option(), option()]) } : {}),
    ...(random(4) === 0 ? { filter: or(() => noise(8 * random(8))) } : {}),
    ...(random(4) === 0 ? { address: or(() => noise(random(40))) } : {}),
  }));
const exchangeOptions = () =>
  or(() => ({
    lastSequence: or(() => random(8)),
    until: or(() => pick(['last', 'last-or-error'])),
    // Undefined would be the default of half a minute.
    timeoutMs: or(() => pick([0, 5, 20])) ?? 0,
  }));
const callback = () => or(() => pick([() => {}, () => socket?.close?.()]));
const groups = () => or(() => Array.from({ length: random(4) }, () => or(() => random(40))));

const question = () =>
  or(() => ({
    protocol: or(() => pick([0, 0, 4, 12, 15, 300])),
    request: or(messages),
    lastSequence: or(() => random(8)),
  }));
const inquiry = () =>
  or(() => ({
    namespaces: or(() => Array.from({ length: random(4) }, () => or(paths))),
    questions: or(() => Array.from({ length: random(4) }, question)),
  }));
/** Closes what the records name: it is the caller's. */
function closeAsked(bytes, questions) {
  for (let at = 0; at < bytes.length;) {
    const isEntered = bytes.readUInt32LE(at) === 0;
    if (bytes.readInt32LE(at + 4) >= 0) closeSync(bytes.readInt32LE(at + 4));
    at += 24;
    for (let left = isEntered ? questions : 0; left > 0; left--) at += 8 + bytes.readUInt32LE(at + 4);
  }
}

/** @type {any} */
let socket = addon.openSocket(plain);
const outcomes = {};
const count = (name) => (outcomes[name] = (outcomes[name] ?? 0) + 1);
const pending = [];
/** A listening socket keeps the process alive until it is closed; any other may just be dropped. */
const listening = [];

function attempt(name, call) {
  try {
    const value = call();
    count(`${name}: value`);
    if (value instanceof Promise) {
      pending.push(
        value.then(
          () => count(`${name}: resolved`),
          (error) => settle(name, error),
        ),
      );
    }
    return value;
  } catch (error) {
    settle(name, error);
  }
}

function settle(name, error) {
  if (!(error instanceof Error)) throw new Error(`${name} threw ${String(error)}`);
  const isSystem = error.errno > 0 && /^E[A-Z0-9]+$/.test(error.code) && typeof error.syscall === 'string';
  const isExpected = isSystem || error instanceof TypeError || error instanceof RangeError;
  if (!isExpected && !/^(getter|has)$/.test(error.message)) throw error;
  count(`${name}: ${isSystem ? error.code : error.constructor.name}`);
}

const actions = [
  () => {
    const opened = attempt('openSocket', () => addon.openSocket(random(2) === 0 ? plain : oddOptions()));
    if (opened === undefined) return;
    if (random(2) === 0) socket.close();
    socket = opened;
  },
  () => attempt('exchange', () => socket.exchange(or(messages), exchangeOptions())),
  () => attempt('exchange', () => socket.exchange(or(messages), exchangeOptions())),
  () =>
    attempt('listen', () => {
      socket.listen(groups(), callback(), callback());
      listening.push(socket);
    }),
  () =>
    attempt('listenInBatches', () => {
      socket.listenInBatches(callback(), callback());
      listening.push(socket);
    }),
  () =>
    attempt('option', () =>
      socket.option(
        or(() => pick([1, 263, 270])),
        or(() => random(64)),
        or(() => random(300)),
      ),
    ),
  () => {
    const descriptor = attempt('openDescriptor', () => addon.openDescriptor(oddOptions()));
    if (descriptor !== undefined) closeSync(descriptor);
  },
  () => random(10) === 0 && attempt('close', () => socket.close(anything())),
  () => {
    const descriptor = attempt('openFileIn', () => addon.openFileIn(or(paths), or(paths), or(numbers)));
    if (descriptor !== undefined) closeSync(descriptor);
  },
  () =>
    attempt('askNamespaces', () => {
      const given = inquiry();
      return addon.askNamespaces(given).then((bytes) => closeAsked(bytes, given.questions.length));
    }),
  () => {
    const pinned = or(paths);
    if (attempt('createNetns', () => (addon.createNetns(pinned), true))) addon.deleteNetns(pinned);
  },
  () => attempt('deleteNetns', () => addon.deleteNetns(or(paths))),
  () =>
    attempt('flock', () =>
      addon.flock(
        or(() => pick([0, 1, 2, 99_999])),
        or(() => pick(['shared', 'unlock', 'exclusive'])),
        or(() => pick([0, 5])),
      ),
    ),
  () =>
    attempt(
      'foreign this',
      () => pick(['exchange', 'listen', 'close']).length && socket.close.call(anything()),
    ),
  () => attempt('foreign this', () => socket.exchange.apply(anything(), [messages(), exchangeOptions()])),
  () => attempt('foreign this', () => new Proxy(socket, {}).close()),
  () => attempt('foreign this', () => Object.create(socket).close()),
  () => attempt('constructor', () => new socket.constructor(anything())),
  () => attempt('constructor', () => Reflect.construct(socket.constructor, [], pick([Object, Promise]))),
  () => attempt('odd', () => pick(Object.values(addon))(...Array.from({ length: random(5) }, anything))),
  () => attempt('odd', () => socket.exchange(...Array.from({ length: random(4) }, anything))),
  () => attempt('odd', () => socket.listen(...Array.from({ length: random(3) }, anything))),
  // A getter that closes the socket, or takes the memory away, half-way through the call.
  () =>
    attempt('exchange', () => {
      const bytes = new Uint8Array(messages());
      return socket.exchange(bytes, {
        get lastSequence() {
          if (random(10) === 0) socket.close();
          else structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
          return 1;
        },
        until: 'last',
        timeoutMs: 1,
      });
    }),
];

for (let round = 0; round < Number(rounds); round++) {
  pick(actions)();
  // Lets answers and events in.
  if (round % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  if (round % 1_000 === 0) globalThis.gc?.();
}
for (const opened of [socket, ...listening]) opened.close();
globalThis.gc?.();
await Promise.all(pending);
console.log(JSON.stringify(outcomes));

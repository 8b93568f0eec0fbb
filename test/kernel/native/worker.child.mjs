// Runs workers that end in every way with work under way. Arguments: addon, namespace, number of workers. Prints as
// JSON what the process uses before and after.
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

if (isMainThread) {
  const [addon, netns, workers] = process.argv.slice(2);
  // Holds the lock that the workers wait for.
  const lock = openSync('/proc/self/exe', 'r');
  await createRequire(import.meta.url)(addon).flock(lock, 'exclusive', 0);
  await run({ addon, netns, end: 'return' });
  const before = usage();
  const codes = [];
  for (let count = 0; count < Number(workers); count += 2) {
    const ends = ['exit', 'terminate', 'throw', 'return', 'terminate at once'];
    codes.push(
      ...(await Promise.all([0, 1].map((more) => run({ addon, netns, end: ends[(count + more) % 5] })))),
    );
  }
  closeSync(lock);
  console.log(JSON.stringify({ before, after: usage(), codes }));
} else {
  await work(workerData);
}

/** Numbers of sockets, eventfds and the like, and of threads of this process. */
function usage() {
  const targets = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      // The descriptor of this very listing.
      return '/proc/self/fd';
    }
  });
  // Not files: a worker terminated while Node.js loads its script leaves the descriptor of the script.
  const others = targets.filter((target) => !target.startsWith('/'));
  return [others.length, readdirSync('/proc/self/task').length];
}

/** A message about the loopback interface; odd sequence numbers say that it should be up, even ones down. */
function request(sequence, type, flags) {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32LE(32, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeInt32LE(1, 20);
  bytes.writeUInt32LE(sequence % 2, 24);
  bytes.writeUInt32LE(1, 28);
  return bytes;
}

/** Gives the exit code of a worker. */
async function run(data) {
  const worker = new Worker(new URL(import.meta.url), { workerData: data });
  worker.on('message', () => data.end === 'terminate' && worker.terminate());
  // The thrown error is meant.
  worker.on('error', (error) => error.message === 'meant' || console.error(error));
  if (data.end === 'terminate at once') setTimeout(() => worker.terminate(), 40);
  return await new Promise((resolve) => worker.on('exit', resolve));
}

async function work({ addon, netns, end }) {
  const { openSocket, flock } = createRequire(import.meta.url)(addon);
  const open = () => openSocket({ domain: 16, type: 3, protocol: 0, netns });
  const [listener, busy, idle, waiting] = [open(), open(), open(), open()];
  const firstEvent = new Promise((resolve) => listener.listen([1], resolve, console.error));
  await idle.exchange(request(1, 18, 5), { lastSequence: 1, until: 'last' });
  const never = { lastSequence: 99, until: 'last', timeoutMs: 60_000 };
  for (let sequence = 1; sequence < 10; sequence++)
    waiting.exchange(request(sequence, 18, 1), never).catch(() => {});
  const lock = openSync('/proc/self/exe', 'r');
  if (end !== 'return') flock(lock, 'exclusive', 60_000).catch(() => {});
  // Events and replies pour in while the worker ends.
  for (let sequence = 1; sequence < 2_000; sequence++) {
    busy.exchange(request(sequence, 16, 5), { lastSequence: sequence, until: 'last' }).catch(() => {});
  }
  await firstEvent;
  parentPort.postMessage('busy', []);
  if (end === 'exit') process.exit(7);
  if (end === 'throw') throw new Error('meant');
  if (end === 'return') {
    // `idle` stays open and must not keep the worker alive.
    for (const socket of [listener, busy, waiting]) socket.close();
  }
}

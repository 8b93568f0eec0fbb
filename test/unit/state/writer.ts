// A process of its own that changes the state: `writer.mjs <what> <directory> <run directory or ''> [count [die after]]`. Says on standard output what was
// acknowledged, one line each.
import { writeSync } from 'node:fs';
import { allocate, parsePoolId } from '../../../src/ipam/index.ts';
import { parseNetworkId, type Ip, type Network } from '../../../src/model/index.ts';
import { State, type StateTransaction } from '../../../src/state/index.ts';
import { Store, type Writer } from '../../../src/state/store.ts';

const [what = '', directory = '', runDirectory = '', count = '0'] = process.argv.slice(2);
// As if somebody killed the process after its n-th synchronous commit: those of the disk all are.
const dieAfter = Number(process.argv[6] ?? Number.POSITIVE_INFINITY);
type Commit = (this: Store, change: (writer: Writer) => unknown) => unknown;
const commit = Reflect.get(Store.prototype, 'transactNow') as Commit;
let commits = 0;
const countingCommit: Commit = function (change) {
  const result = commit.call(this, change);
  commits += 1;
  if (commits === dieAfter) process.kill(process.pid, 'SIGKILL');
  return result;
};
Reflect.set(Store.prototype, 'transactNow', countingCommit);

const state = State.open({
  directory,
  bootId: 'boot-1',
  ...(runDirectory === '' ? {} : { runDirectory }),
});
const poolId = parsePoolId('local/10.0.0.0/8').id;

function takeNext(tx: StateTransaction): Ip {
  const pool = tx.pool(poolId);
  if (pool === undefined) throw new Error('no pool');
  const { ip, pool: moved } = allocate(pool, tx.nodes(poolId), { kind: 'endpoint' });
  tx.putPool(moved);
  tx.putLease({ pool: poolId, ip, kind: 'endpoint', owner: String(process.pid) });
  return ip;
}

function templateOf(tx: StateTransaction): Network {
  const network = tx.network(parseNetworkId('old'));
  if (network === undefined) throw new Error('no network');
  return network;
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

switch (what) {
  case 'allocate':
    for (let index = 0; index < Number(count); index++) say(await state.transact(takeNext));
    break;
  case 'allocate-together': {
    const all = Array.from({ length: Number(count) }, () => state.transact(takeNext));
    for (const ip of await Promise.all(all)) say(ip);
    break;
  }
  case 'create-networks':
    for (let index = 0; index < Number(count); index++) {
      const id = parseNetworkId(`n${process.pid}x${index}`);
      await state.transact((tx) => tx.putNetwork({ ...templateOf(tx), id }));
      say(id);
    }
    break;
  case 'interrupt': {
    const { undo } = await state.transactUndoable((tx) => {
      const network = templateOf(tx);
      tx.putNetwork({ ...network, isInternal: true });
      tx.putNetwork({ ...network, id: parseNetworkId('new') });
      tx.putNetwork({ ...network, id: parseNetworkId('new'), isInternal: true });
      for (const endpoint of tx.endpoints(network.id)) tx.deleteEndpoint(network.id, endpoint.id);
    });
    say(undo ?? 'nothing');
    setInterval(() => undefined, 1000);
    await new Promise(() => undefined);
    break;
  }
  default:
    throw new Error(`what is ${what}?`);
}
state[Symbol.dispose]();

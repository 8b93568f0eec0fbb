// A process of its own that changes the state: `writer.mjs <what> <directory> [count]`. Says on standard output what was
// acknowledged, one line each.
import { writeSync } from 'node:fs';
import { allocate, parsePoolId } from '../../../src/ipam/index.ts';
import { parseNetworkId, type Ip } from '../../../src/model/index.ts';
import { State, type StateTransaction } from '../../../src/state/index.ts';

const [what = '', directory = '', count = '0'] = process.argv.slice(2);
const state = State.open({ directory, bootId: 'boot-1' });
const poolId = parsePoolId('local/10.0.0.0/8').id;

function takeNext(tx: StateTransaction): Ip {
  const pool = tx.pool(poolId);
  if (pool === undefined) throw new Error('no pool');
  const { ip, pool: moved } = allocate(pool, tx.nodes(poolId), { kind: 'endpoint' });
  tx.putPool(moved);
  tx.putLease({ pool: poolId, ip, kind: 'endpoint', owner: String(process.pid) });
  return ip;
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
  case 'interrupt': {
    const { undo } = await state.transactUndoable((tx) => {
      const network = tx.network(parseNetworkId('old'));
      if (network === undefined) throw new Error('no network');
      tx.putNetwork({ ...network, isInternal: true });
      tx.putNetwork({ ...network, id: parseNetworkId('new') });
      tx.putNetwork({ ...network, id: parseNetworkId('new'), isInternal: true });
      for (const endpoint of tx.endpoints(network.id)) tx.deleteEndpoint(network.id, endpoint.id);
    });
    say(undo);
    setInterval(() => undefined, 1000);
    await new Promise(() => undefined);
    break;
  }
  default:
    throw new Error(`what is ${what}?`);
}
state[Symbol.dispose]();

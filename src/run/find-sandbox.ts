import { printable, TsnetError, type NamedSandbox } from '../model/index.ts';
import type { StateView } from '../state/index.ts';

/** A sandbox by name, id or unique beginning of an id. @throws not-found; conflict when several fit */
export function findSandbox(view: StateView, wanted: string): NamedSandbox {
  const all = view.sandboxes();
  const exact = all.filter(({ name, id }) => name === wanted || id === wanted);
  const found = exact.length > 0 ? exact : all.filter(({ id }) => wanted !== '' && id.startsWith(wanted));
  const [sandbox] = found;
  if (found.length > 1) throw new TsnetError('conflict', `sandbox ${wanted}: ${found.length} sandboxes fit`);
  if (sandbox === undefined) {
    throw new TsnetError('not-found', `sandbox ${printable(wanted)} is not known`, { hint: 'tsnet ps -a' });
  }
  return sandbox;
}

import type { Context } from '../../network/index.ts';
import { ipamDriver } from './ipam-driver.ts';
import { networkDriver } from './network-driver.ts';

/** One call of the plugin protocol. */
export interface Call {
  /** Answers a request; what it throws becomes the error reply. */
  run(context: Context, body: unknown): object | Promise<object>;
  /** Takes back a success that came after its time was up and the engine was told of a failure. */
  undo?(context: Context, body: unknown): Promise<void>;
  /**
   * Ends something. An engine goes on after an error here, and 29 keeps a dead endpoint in memory, so failures in
   * the kernel are only logged: what is left behind is found by its mark.
   */
  readonly isRemoval?: boolean;
}

/** Calls by the name that is their path, such as `NetworkDriver.Join`. */
export type Calls = Readonly<Record<string, Call>>;

/** Every call that is answered. */
export const calls: Calls = {
  'Plugin.Activate': { run: () => ({ Implements: ['NetworkDriver', 'IpamDriver'] }) },
  ...networkDriver,
  ...ipamDriver,
};

/** Calls that engines send without a body. All others have one. */
export const callsWithoutBody: ReadonlySet<string> = new Set([
  'Plugin.Activate',
  'NetworkDriver.GetCapabilities',
  'IpamDriver.GetCapabilities',
  'IpamDriver.GetDefaultAddressSpaces',
]);

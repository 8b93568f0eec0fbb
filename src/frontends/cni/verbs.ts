import type { Context } from '../../network/index.ts';
import { add } from './add.ts';
import { check } from './check.ts';
import { del } from './del.ts';
import type { Verb } from './environment.ts';
import { gc, gcIpam } from './gc.ts';
import { addAddresses, checkAddresses, releaseThem, statusOfAddresses } from './ipam-plugin.ts';
import type { Request } from './request.ts';
import { status } from './status.ts';

/** What is left of a call when its input is read: it may take the host's network into its hands. */
export type Operation = (context: Context) => Promise<Readonly<Record<string, unknown>> | undefined>;

/** Reads all that a verb needs of its input. @throws invalid-input; a CniError */
export type Handler = (request: Request) => Operation;

/** The executables. */
export const pluginNames = ['tsnet', 'tsnet-ipam'] as const;

/** Which executable was called. */
export type PluginName = (typeof pluginNames)[number];

/** Every verb of every executable but VERSION, which needs no request. */
export const handlers: Readonly<Record<PluginName, Readonly<Record<Exclude<Verb, 'VERSION'>, Handler>>>> = {
  tsnet: { ADD: add, DEL: del, CHECK: check, GC: gc, STATUS: status },
  'tsnet-ipam': {
    ADD: addAddresses,
    DEL: releaseThem,
    CHECK: checkAddresses,
    GC: gcIpam,
    STATUS: statusOfAddresses,
  },
};

import { join } from 'node:path';

/** What `scripts/build.mjs` made; another folder for who tries something beside a running test. */
export const dist = process.env['TSNET_TEST_DIST'] ?? join(import.meta.dirname, '../../dist');

/** Our executables: `tsnet` and `tsnet-ipam`. */
export const ownPlugins = join(dist, 'cni');

/** The reference plugins of Debian (containernetworking-plugins); another folder for those of another age. */
export const referencePlugins = process.env['TSNET_TEST_CNI_PLUGINS'] ?? '/usr/lib/cni';

/** Our executable for Podman. */
export const ownNetavarkPlugin = join(dist, 'netavark/tsnet');

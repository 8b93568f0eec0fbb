import { afterEach, beforeEach } from 'vitest';
import { createHost, type Host } from '../../support/host.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

/** A host, and two network namespaces that play containers, new for each test of a file. */
export interface Pods {
  readonly host: Host;
  readonly boxes: Netns[];
}

/** To be called once at the top of a file; what it gives is filled before each test. */
export function useHostWithPods(): Pods {
  const pods: { host: Host; boxes: Netns[] } = { host: undefined as unknown as Host, boxes: [] };
  beforeEach(async () => {
    pods.host = await createHost();
    pods.boxes = [await createNetns('pod'), await createNetns('pod')];
  });
  afterEach(async () => {
    for (const box of pods.boxes) await box[Symbol.asyncDispose]();
    await pods.host[Symbol.asyncDispose]();
  });
  return pods;
}

import { TsnetError } from '../../src/model/index.ts';
import type { Kernel } from '../../src/observe/index.ts';

/** A real kernel in which one change fails before it is made. */
export interface FailingKernel {
  readonly kernel: Kernel;
  /** The next change of that number, from 0, fails; later ones work, so that undoing can be watched. */
  failAt(step: number): void;
  /** How many changes were asked for since `failAt`. */
  readonly steps: number;
}

const changes = /^(?:create|set|delete|add|apply)/;

/** Wraps the doors through which the kernel is changed; reading goes through untouched. */
export function createFailingKernel(real: Kernel): FailingKernel {
  let steps = 0;
  let failing = Number.POSITIVE_INFINITY;
  const guarded = <T extends object>(door: T): T =>
    new Proxy(door, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...args: unknown[]) => unknown;
        if (typeof name !== 'string' || !changes.test(name)) return method;
        return async (...args: unknown[]) => {
          const step = steps;
          steps += 1;
          if (step === failing) throw new TsnetError('kernel', `step ${step} (${name}) fails in this test`);
          return method(...args);
        };
      },
    });
  return {
    kernel: { ...real, rtnetlink: guarded(real.rtnetlink), firewall: guarded(real.firewall) },
    failAt(step) {
      failing = step;
      steps = 0;
    },
    get steps() {
      return steps;
    },
  };
}

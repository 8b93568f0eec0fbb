import { toTsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import type { Answer, Invocation } from './invocation.ts';

/** Does what an executable was called for, and says what it prints. */
export type AnswerTo = (context: () => Promise<Context>, invocation: Invocation) => Promise<Answer>;

/**
 * Does what a runtime called one of the executables for: netavark calls with arguments, CNI without. Each front end is
 * loaded when it is called first: a daemon that only serves Docker has neither in its memory.
 */
export const answerTo: AnswerTo = async (context, invocation) => {
  try {
    if (invocation.args.length > 0) {
      const { runNetavark } = await import('../netavark/index.ts');
      return await runNetavark(context, invocation);
    }
    const { runCni } = await import('../cni/index.ts');
    const name = invocation.program === 'tsnet-ipam' ? 'tsnet-ipam' : 'tsnet';
    return await runCni(context, { ...invocation, name });
  } catch (thrown) {
    const { message, cause } = toTsnetError(thrown);
    const stderr = cause instanceof Error ? `${cause.stack ?? ''}\n` : '';
    return { ...failure(invocation, cniCodes.internal, message), stderr };
  }
};

/** Says in the words of whoever called that something could not be done now and may be tried again. */
export function tryAgain(invocation: Invocation, message: string): Answer {
  return failure(invocation, cniCodes.tryAgainLater, message);
}

/** Source: CNI 1.1.0, Error; 999 is what the reference plugins have for faults of their own. */
const cniCodes = { tryAgainLater: 11, internal: 999 } as const;

function failure({ args }: Invocation, code: number, message: string): Answer {
  const text = args.length > 0 ? { error: message } : { code, msg: message };
  return { exitCode: 1, stdout: `${JSON.stringify(text)}\n` };
}

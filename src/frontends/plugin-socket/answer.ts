import { toTsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import type { Answer, Invocation } from './invocation.ts';

/**
 * Does what an executable was called for, and says what it prints; undefined when it can't be done in this process, and
 * nothing has been done.
 */
export type AnswerTo = (
  context: () => Promise<Context>,
  invocation: Invocation,
) => Promise<Answer | undefined>;

/**
 * Does what a runtime called one of the executables for: netavark calls with arguments, CNI without. Each front end is
 * loaded when it is called first: a daemon that only serves Docker has neither in its memory. An update that came before
 * has taken its files away; the caller has the new ones.
 */
export const answerTo: AnswerTo = async (context, invocation) => {
  let run: FrontEnd;
  try {
    run = await (invocation.args.length > 0 ? loadNetavark() : loadCni());
  } catch (error) {
    (await context()).log.warn('plugin call left to its caller: restart tsnet', { error: String(error) });
    return undefined;
  }
  try {
    return await run(context, invocation);
  } catch (thrown) {
    const { message, cause } = toTsnetError(thrown);
    const stderr = cause instanceof Error ? `${cause.stack ?? ''}\n` : '';
    return { ...failure(invocation, cniCodes.internal, message), stderr };
  }
};

type FrontEnd = (context: () => Promise<Context>, invocation: Invocation) => Promise<Answer>;

async function loadNetavark(): Promise<FrontEnd> {
  const { runNetavark } = await import('../netavark/index.ts');
  return runNetavark;
}

async function loadCni(): Promise<FrontEnd> {
  const { runCni, loadWork } = await import('../cni/index.ts');
  await loadWork();
  return (context, { program, ...invocation }) =>
    runCni(context, { ...invocation, name: program === 'tsnet-ipam' ? 'tsnet-ipam' : 'tsnet' });
}

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

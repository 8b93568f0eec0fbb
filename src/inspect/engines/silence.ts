import { EngineNotAsked, EngineRefusal, isEngineNamed, socketPath } from './docker-api.ts';

/** An engine that said nothing, and why, in the words of a gap. */
export interface Silence {
  readonly what: string;
  readonly why: string;
}

/**
 * Why the engine of this host said nothing, where somebody misses it: one that is not installed is not missing, one that
 * `DOCKER_HOST` names is.
 *
 * @param error what asking it threw
 */
export function silenceOf(error: unknown, timeoutMs: number): Silence | undefined {
  if (error instanceof EngineNotAsked) return { what: 'the engine was not asked', why: error.message };
  if (codeOf(error) === 'ENOENT' && !isEngineNamed()) return undefined;
  return { what: `engine at ${socketPath()}`, why: reasonOf(error, timeoutMs) };
}

/** Why nothing was heard at a socket. */
export function reasonOf(error: unknown, timeoutMs: number): string {
  const { name, message } = error as Error;
  const code = codeOf(error);
  if (code === 'ENOENT') return 'there is no such socket; DOCKER_HOST names it';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to ask it';
  if (code === 'ECONNREFUSED' || code === 'ENOTSOCK') return 'nobody listens there';
  if (name === 'TimeoutError' || name === 'AbortError' || code === 'ABORT_ERR')
    return `no answer within ${timeoutMs} ms`;
  if (error instanceof EngineRefusal) return `it refused: ${message}`;
  return error instanceof SyntaxError || error instanceof TypeError
    ? 'it does not answer as an engine does'
    : message;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

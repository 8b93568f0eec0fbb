import type { Logger } from '../../network/index.ts';

/** How much is logged: everything at or above the level. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;

/** One of `logLevels`. */
export type LogLevel = (typeof logLevels)[number];

/** A logger that writes one JSON object a line to standard error. */
export function createLogger(level: LogLevel): Logger {
  const lowest = logLevels.indexOf(level);
  const at =
    (name: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      if (logLevels.indexOf(name) < lowest) return;
      process.stderr.write(
        `${JSON.stringify({ time: new Date().toISOString(), level: name, message, ...fields })}\n`,
      );
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

import { CommanderError } from 'commander';
import { outliveReaders } from './closed-pipe.ts';
import { exitCodes } from './exit-codes.ts';
import { program } from './main.ts';
import { reportError } from './report-error.ts';
import { separateCommand, wrapsCommand } from './run/separate-command.ts';

outliveReaders();
const words = separateCommand(program, process.argv.slice(2));
program.parseAsync(words, { from: 'user' }).catch((thrown: unknown) => {
  const code = report(thrown);
  // The command's own exit status must be told from ours.
  process.exitCode = code !== 0 && wrapsCommand(program, words) ? 125 : code;
});

function report(thrown: unknown): number {
  // Commander has printed its own errors and help by now.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes['invalid-input'];
  return reportError(thrown, program.opts<{ json?: boolean }>().json === true);
}

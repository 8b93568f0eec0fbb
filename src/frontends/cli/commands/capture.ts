import type { Command } from 'commander';
import { open } from 'node:fs/promises';
import {
  capture,
  RowFormatter,
  tapsFor,
  type CaptureLimits,
  type CapturePlan,
  type CaptureSummary,
} from '../../../inspect/capture/index.ts';
import { parsePortQuestion } from '../../../inspect/port/question.ts';
import { readInspection } from '../../../inspect/read-inspection.ts';
import { invalid, printable, TsnetError } from '../../../model/index.ts';
import { endWithReader } from '../closed-pipe.ts';
import { readRecords } from '../inspect/records.ts';
import { printJson } from '../print.ts';
import { wantsJson } from '../settings.ts';

interface Flags {
  readonly write?: string;
  readonly print?: boolean;
  readonly count?: string;
  readonly for?: string;
  readonly size: string;
  readonly interface?: readonly string[];
}

/** `tsnet capture port 8088 -w out.pcapng`: a flow on every interface that it crosses, in one file. */
export async function capturePort(command: Command, text: string): Promise<void> {
  const flags = command.opts<Flags>();
  const limits = readLimits(flags);
  const question = parsePortQuestion(text);
  const inspection = await readInspection({
    rules: 'host',
    parts: ['processes', 'addresses', 'routes', 'sockets'],
    records: () => readRecords(command),
  });
  const plan = tapsFor(inspection, question, flags.interface);
  // A file on standard output leaves no room for anything else.
  const isJson = wantsJson(command) && flags.write !== '-';
  const prints = !isJson && (flags.print === true || flags.write === undefined);
  using stop = stopSignal();
  await using sink = await openSink(flags.write);
  if (flags.write === undefined) endWithReader();
  const formatter = new RowFormatter(plan);
  const say = (line: string): void =>
    void (sink.isOutput ? process.stderr : process.stdout).write(`${line}\n`);
  const summary = await capture(plan, {
    limits,
    signal: sink.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, sink.signal]),
    ...(sink.write === undefined ? {} : { write: sink.write }),
    onStart: () => {
      process.stderr.write(`${describePlan(plan)}\n`);
      if (prints) say(formatter.heading());
    },
    ...(prints ? { onRow: (row) => formatter.lines(row).forEach(say) } : {}),
  });
  if (isJson) printJson({ ...summary, ...(flags.write === undefined ? {} : { file: flags.write }) });
  else process.stderr.write(describeSummary(summary, flags.write));
}

function readLimits({ count, for: seconds, size }: Flags): CaptureLimits {
  return {
    ...(count === undefined ? {} : { packets: readNumber('--count', count, 1) }),
    ...(seconds === undefined ? {} : { seconds: readNumber('--for', seconds.replace(/s$/, ''), 0.001) }),
    bytes: readSize(size),
  };
}

function readNumber(field: string, text: string, least: number): number {
  const value = Number(text);
  if (
    !/^\d+(\.\d+)?$/.test(text) ||
    value < least ||
    value > 1e9 ||
    (least === 1 && !Number.isInteger(value))
  ) {
    throw invalid(field, text, least === 1 ? 'a whole number from 1' : 'a number of seconds');
  }
  return value;
}

function readSize(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,12})([kmg]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1_024 ** ['', 'k', 'm', 'g'].indexOf(unit.toLowerCase());
  if (!(bytes >= 4_096)) throw invalid('--size', text, 'a number of bytes from 4096, perhaps with k, m or g');
  return bytes;
}

/** Where the file goes. */
interface Sink extends AsyncDisposable {
  readonly isOutput: boolean;
  readonly write?: (bytes: Buffer) => Promise<void>;
  /** Nobody reads any more. */
  readonly signal?: AbortSignal;
}

async function openSink(path: string | undefined): Promise<Sink> {
  const nothing = async (): Promise<void> => {};
  if (path === undefined) return { isOutput: false, [Symbol.asyncDispose]: nothing };
  if (path === '-') return openOutput();
  try {
    const file = await open(path, 'w', 0o600);
    return {
      isOutput: false,
      write: (bytes) => file.writeFile(bytes),
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new TsnetError(code === 'ENOENT' ? 'not-found' : 'denied', `write ${printable(path)}: ${code}`, {
      cause: error,
      errno: code,
    });
  }
}

function openOutput(): Sink {
  if (process.stdout.isTTY) {
    throw invalid('--write', '-', 'a file, or standard output that is no terminal');
  }
  const closed = new AbortController();
  const onError = (): void => closed.abort();
  process.stdout.on('error', onError);
  return {
    isOutput: true,
    signal: closed.signal,
    write: (bytes) =>
      new Promise((resolve) => {
        if (closed.signal.aborted) resolve();
        else process.stdout.write(bytes, () => resolve());
      }),
    [Symbol.asyncDispose]: async () => {},
  };
}

const patienceMs = 1_000;
/** What a shell says of a process that Ctrl-C ended. */
const interrupted = 130;

/**
 * Aborted at the first Ctrl-C or SIGTERM. One that comes more than a second later ends the process; earlier ones do not,
 * as timeout(1) sends its signal twice and the file is to be whole.
 */
function stopSignal(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  let firstMs: number | undefined;
  const stop = (): void => {
    firstMs ??= performance.now();
    if (performance.now() - firstMs > patienceMs) process.exit(interrupted);
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
    },
  };
}

function describePlan({ taps }: CapturePlan): string {
  const names = taps.map(({ name }) => name).join(', ');
  return `${taps.length} ${taps.length === 1 ? 'interface' : 'interfaces'}: ${names}; Ctrl-C ends the capture`;
}

function describeSummary(
  { packets, flows, taps, gaps, bytes }: CaptureSummary,
  file: string | undefined,
): string {
  const lost = taps.filter(({ dropped }) => dropped > 0).map(({ name, dropped }) => `${dropped} on ${name}`);
  const lines = [
    `${packets} ${packets === 1 ? 'packet' : 'packets'} in ${flows} ${flows === 1 ? 'flow' : 'flows'}`,
    ...(file === undefined || file === '-' ? [] : [`${bytes} bytes in ${printable(file)}`]),
    lost.length === 0 ? 'none lost' : `lost: ${lost.join(', ')}`,
  ];
  return `${lines.join('; ')}\n${gaps.map((gap) => `not captured: ${printable(gap)}\n`).join('')}`;
}

import { open, type FileHandle } from 'node:fs/promises';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** Which part of a log is printed. */
export interface LogPart {
  /** So many lines from its end; absent: all. */
  readonly lines?: number;
  /** Present: go on with what comes, until this says that nothing more will. */
  readonly until?: () => boolean;
}

const chunkSize = 65_536;
/** Between two looks at a log that is followed. */
const pauseMs = 100;

/** Copies a log to an output until that is closed. @returns false where there is no log */
export async function printLog(path: string, output: Writable, { lines, until }: LogPart): Promise<boolean> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    let offset = lines === undefined ? 0 : await startOfLines(file, lines);
    for (;;) {
      // Asked before the last look, so that nothing is missed that was written in between.
      const isLast = until === undefined || until();
      offset = await copyFrom(file, offset, output);
      if (isLast || output.closed || output.errored !== null) return true;
      await sleep(pauseMs);
    }
  } finally {
    await file.close();
  }
}

/** @returns where the copied part ends */
async function copyFrom(file: FileHandle, start: number, output: Writable): Promise<number> {
  const buffer = Buffer.alloc(chunkSize);
  let offset = start;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkSize, offset);
    if (bytesRead === 0) return offset;
    offset += bytesRead;
    if (!output.write(Buffer.from(buffer.subarray(0, bytesRead)))) await once(output, 'drain');
  }
}

/** Where the last lines of a file begin. What has no line feed at its end is a line as well. */
async function startOfLines(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  const buffer = Buffer.alloc(chunkSize);
  let found = 0;
  for (let end = size; end > 0; end -= chunkSize) {
    const start = Math.max(0, end - chunkSize);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    for (let index = bytesRead - 1; index >= 0; index -= 1) {
      // The one at the very end ends the last line.
      if (buffer[index] !== 0x0a || start + index === size - 1) continue;
      found += 1;
      if (found === lines) return start + index + 1;
    }
  }
  return 0;
}

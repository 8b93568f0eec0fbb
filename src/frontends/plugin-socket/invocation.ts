/** How a runtime started one of the executables. */
export interface Invocation {
  /** The name it was started by, without folders: `tsnet` or `tsnet-ipam`. */
  readonly program: string;
  /** What stood behind the name: empty for CNI. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/** What the executable prints, and its exit code. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr?: string;
}

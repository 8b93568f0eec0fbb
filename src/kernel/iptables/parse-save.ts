/** A rule as it is in the kernel, whoever made it. */
export interface SavedRule {
  /** Everything after `-A CHAIN`, without quotes. */
  readonly arguments: readonly string[];
  readonly options: readonly SavedOption[];
}

/** One option of a rule with what follows it. */
export interface SavedOption {
  /** Such as `-d` or `--to-destination`. */
  readonly name: string;
  /** Whether a `!` stands before it. */
  readonly isInverted: boolean;
  readonly values: readonly string[];
}

/** A chain with its rules in their order. */
export interface SavedChain {
  readonly name: string;
  /** Of built-in chains only, such as `ACCEPT` or `DROP`. */
  readonly policy?: string;
  readonly packets: number;
  readonly bytes: number;
  readonly rules: readonly SavedRule[];
}

/** A table by its name, such as `filter`, with its chains by theirs. */
export type SavedTables = ReadonlyMap<string, ReadonlyMap<string, SavedChain>>;

/**
 * Reads the output of iptables-save(8), with or without counters of rules. Lines that it does not know are left out;
 * rules keep every argument, known or not.
 */
export function parseSave(text: string): SavedTables {
  const tables = new Map<string, Map<string, SavedChain & { rules: SavedRule[] }>>();
  let chains = new Map<string, SavedChain & { rules: SavedRule[] }>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      chains = new Map();
      tables.set(line.slice(1).trim(), chains);
      continue;
    }
    const declared = /^:(\S+) (\S+)(?: \[(\d+):(\d+)\])?/.exec(line);
    if (declared !== null) {
      const [, name = '', policy = '-', packets = '0', bytes = '0'] = declared;
      const counters = { packets: Number(packets), bytes: Number(bytes) };
      chains.set(name, { name, ...(policy === '-' ? {} : { policy }), ...counters, rules: [] });
      continue;
    }
    const appended = /^(?:\[\d+:\d+\] )?-A (\S+)(?: (.*))?$/.exec(line);
    if (appended !== null) chains.get(appended[1] ?? '')?.rules.push(parseRule(appended[2] ?? ''));
  }
  return tables;
}

/** Reads what follows `-A CHAIN`. */
export function parseRule(text: string): SavedRule {
  const words = splitWords(text);
  const options: (SavedOption & { values: string[] })[] = [];
  let isInverted = false;
  for (const { text: word, isQuoted } of words) {
    if (word === '!' && !isQuoted) {
      isInverted = true;
    } else if (word.startsWith('-') && word.length > 1 && !isQuoted) {
      options.push({ name: word, isInverted, values: [] });
      isInverted = false;
    } else {
      options.at(-1)?.values.push(word);
    }
  }
  return { arguments: words.map((word) => word.text), options };
}

/** The first value of an option that is not inverted; `undefined` without one. */
export function optionValue(rule: SavedRule, name: string): string | undefined {
  return rule.options.find((option) => option.name === name && !option.isInverted)?.values[0];
}

/** The comment of a rule; `undefined` without one. */
export function commentOf(rule: SavedRule): string | undefined {
  return optionValue(rule, '--comment');
}

/** The chain or verdict that a rule leads to; `undefined` where it only counts. */
export function targetOf(rule: SavedRule): string | undefined {
  return optionValue(rule, '-j') ?? optionValue(rule, '-g');
}

interface Word {
  readonly text: string;
  readonly isQuoted: boolean;
}

/** Splits at spaces; in double quotes a backslash takes the next character as it is. Source: iptables xshared.c. */
function splitWords(text: string): Word[] {
  return Array.from(text.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g), ([word, quoted]) =>
    quoted === undefined
      ? { text: word, isQuoted: false }
      : { text: quoted.replaceAll(/\\(.)/g, '$1'), isQuoted: true },
  );
}

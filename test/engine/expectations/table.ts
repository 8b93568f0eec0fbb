/** What came of a case in one column. */
export type Outcome = 'holds' | 'FAILS' | 'known failure' | 'not applicable';

const marks: Readonly<Record<Outcome, string>> = {
  holds: 'yes',
  FAILS: 'FAILS',
  'known failure': 'no',
  'not applicable': '–',
};

/** The table of all outcomes: rows are cases below their group, columns are combinations. */
export class OutcomeTable {
  readonly #columns: string[] = [];
  readonly #groups = new Map<string, Map<string, Map<string, Outcome>>>();
  readonly #notes = new Map<string, Set<string>>();

  /** Notes an outcome, with the reason of a known failure; a later one of the same cell replaces it. */
  set(column: string, group: string, name: string, outcome: Outcome, because?: string): void {
    if (!this.#columns.includes(column)) this.#columns.push(column);
    const cases = this.#groups.get(group) ?? new Map<string, Map<string, Outcome>>();
    this.#groups.set(group, cases);
    const row = cases.get(name) ?? new Map<string, Outcome>();
    cases.set(name, row);
    row.set(column, outcome);
    if (because === undefined) return;
    const columns = this.#notes.get(`${name}: ${because}`) ?? new Set();
    this.#notes.set(`${name}: ${because}`, columns.add(column));
  }

  /** The table as text, with the reasons of known failures and a line of totals below. */
  format(): string {
    const names = [...this.#groups.values()].flatMap((cases) => [...cases.keys()]);
    const width = Math.max(0, ...names.map((name) => name.length)) + 2;
    const cell = (text: string, column: string) => text.padEnd(column.length + 2);
    const lines = [''.padEnd(width + 2) + this.#columns.map((column) => cell(column, column)).join('')];
    for (const [group, cases] of this.#groups) {
      lines.push(group);
      for (const [name, row] of cases) {
        const cells = this.#columns.map((column) => {
          const outcome = row.get(column);
          return cell(outcome === undefined ? '' : marks[outcome], column);
        });
        lines.push(`  ${name.padEnd(width)}${cells.join('')}`);
      }
    }
    const notes = [...this.#notes].map(([text, columns]) => `  ${text} (${[...columns].join(', ')})`);
    return [...lines, '', 'known failures', ...notes, '', this.#totals()]
      .map((line) => line.trimEnd())
      .join('\n');
  }

  #totals(): string {
    return this.#columns
      .map((column) => {
        const outcomes = [...this.#groups.values()].flatMap((cases) =>
          [...cases.values()].map((row) => row.get(column)),
        );
        const count = (outcome: Outcome) => outcomes.filter((each) => each === outcome).length;
        return `${column}: ${count('holds')} hold, ${count('known failure')} known failures, ${count('FAILS')} fail`;
      })
      .join('\n');
  }
}

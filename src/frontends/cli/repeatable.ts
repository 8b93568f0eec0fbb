import { Option } from 'commander';

/**
 * A flag that may be given several times, each time with one value. Commander's own lists (`<value...>`) would take the
 * arguments behind them as well.
 */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description} (repeatable)`).argParser(
    (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
  );
}

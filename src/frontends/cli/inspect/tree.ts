/** A line with lines that hang on it. */
export interface Branch {
  readonly text: string;
  readonly children?: readonly Branch[];
}

/** Branches as a tree of lines, as `tree` draws them. */
export function treeLines(branches: readonly Branch[], indent = ''): string[] {
  return branches.flatMap(({ text, children = [] }, position) => {
    const isLast = position === branches.length - 1;
    return [
      `${indent}${isLast ? '└─' : '├─'} ${text}`,
      ...treeLines(children, `${indent}${isLast ? '   ' : '│  '}`),
    ];
  });
}

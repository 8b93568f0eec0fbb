import { defineConfig } from 'vitest/config';

// Three lanes: unit needs no root; kernel needs root and private namespaces; engine needs a Docker Engine.

// Real traffic and real programs on two shared cores miss a time-out now and then; a defect fails twice. The report
// names what needed its second try. The daemon restores within two seconds what others take away: that long it waits.
const secondTry = { count: 1, delay: 3_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          retry: secondTry,
        },
      },
      {
        test: {
          name: 'engine',
          include: ['test/engine/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          retry: secondTry,
          // One real dockerd at a time: two would fight over two cores.
          fileParallelism: false,
        },
      },
    ],
  },
});

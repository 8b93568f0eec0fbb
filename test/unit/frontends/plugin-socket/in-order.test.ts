import { expect, it } from 'vitest';
import { InOrder } from '../../../../src/frontends/plugin-socket/in-order.ts';

it('runs actions of one subject one after another, also after one that failed', async () => {
  const order = new InOrder();
  const events: string[] = [];
  const action =
    (name: string, fails = false) =>
    async () => {
      events.push(`${name}+`);
      await Promise.resolve();
      events.push(`${name}-`);
      if (fails) throw new Error(name);
      return name;
    };
  const results = await Promise.allSettled([
    order.run('x', action('a', true)),
    order.run('x', action('b')),
    order.run('x', action('c')),
    order.run('y', action('d')),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect(events.filter((event) => !event.startsWith('d'))).toEqual(['a+', 'a-', 'b+', 'b-', 'c+', 'c-']);
  expect(events.indexOf('d+')).toBeLessThan(events.indexOf('b+'));
  // Nothing is kept of what is over.
  expect(await order.run('x', action('e'))).toBe('e');
});

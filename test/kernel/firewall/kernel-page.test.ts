import { join } from 'node:path';
import { expect, it } from 'vitest';
import { renderKernelPage } from '../../support/kernel-page.ts';

it('the page shows what tsnet puts into the kernel', async () => {
  const page = join(import.meta.dirname, '../../../src/firewall/what-tsnet-puts-into-the-kernel.md');
  await expect(await renderKernelPage()).toMatchFileSnapshot(page);
});

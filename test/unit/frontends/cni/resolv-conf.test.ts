import { expect, it } from 'vitest';
import { readResolvConf, parseResolvConf } from '../../../../src/frontends/cni/resolv-conf.ts';

it('reads what resolv.conf(5) has', () => {
  const text = `# comment
nameserver 192.0.2.1
nameserver\tfd00::53 ; the other one
domain old.example
search one.example two.example
options ndots:2 timeout:1
options rotate
sortlist 192.0.2.0
`;
  expect(parseResolvConf(text)).toEqual({
    nameservers: ['192.0.2.1', 'fd00::53'],
    domain: 'old.example',
    search: ['one.example', 'two.example'],
    options: ['ndots:2', 'timeout:1', 'rotate'],
  });
  expect(parseResolvConf('')).toEqual({ nameservers: [], search: [], options: [] });
});

it('names the field when there is no such file', () => {
  expect(() => readResolvConf('/nowhere')).toThrow(/^ipam\.resolvConf: ENOENT/);
});

import { describe, expect, it } from 'vitest';
import { formatPortQuestion, parsePortQuestion } from '../../../../src/inspect/port/index.ts';

describe('parsePortQuestion', () => {
  it.each([
    ['8088', { port: 8088, protocol: 'tcp', from: ['lan', 'localhost'] }],
    ['53/udp', { port: 53, protocol: 'udp' }],
    ['web:80', { port: 80, container: 'web' }],
    ['192.0.2.1:8088', { address: '192.0.2.1' }],
    ['[::1]:8088/tcp', { address: '::1', from: ['localhost'] }],
    ['my.web_1:80/sctp', { container: 'my.web_1', protocol: 'sctp' }],
  ])('reads %s and writes it again', (text, expected) => {
    const question = parsePortQuestion(text);
    expect(question).toMatchObject(expected);
    expect(parsePortQuestion(formatPortQuestion(question))).toEqual(question);
  });

  it.each(['', 'http', '0', '70000', '80/icmp', '[::1:80', '300.1.1.1:80', 'web:'])('refuses %j', (text) => {
    expect(() => parsePortQuestion(text)).toThrow(expect.objectContaining({ kind: 'invalid-input' }));
  });

  it('takes any other origin for a container', () => {
    expect(parsePortQuestion('80', 'cli').from).toEqual([{ container: 'cli' }]);
    expect(() => parsePortQuestion('80', '')).toThrow(/--from/);
  });
});

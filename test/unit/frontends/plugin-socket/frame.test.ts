import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAnswer, parseRequest } from '../../../../src/frontends/plugin-socket/frame.ts';
import { TsnetError } from '../../../../src/model/index.ts';

/** What the C program sends, written down once more. */
function encode(place: string[], args: string[], env: string[], stdin: string): Buffer {
  const parts = [place, args, env].map((texts) => Buffer.from(texts.map((text) => `${text}\0`).join('')));
  parts.push(Buffer.from(stdin));
  const header = `tsnet1 ${parts.map(({ length }) => length).join(' ')}\n`;
  return Buffer.concat([Buffer.from(header), ...parts]);
}

const whole = encode(['net:[1]', 'mnt:[2]'], ['/opt/cni/bin/tsnet-ipam'], ['A=1', 'B=x=y', 'C='], '{"ä":1}');

describe('a request', () => {
  it('is read when it is whole, and not before', () => {
    for (let length = 0; length < whole.length; length += 1) {
      expect(parseRequest(whole.subarray(0, length))).toBeUndefined();
    }
    expect(parseRequest(whole)).toEqual({
      namespaces: ['net:[1]', 'mnt:[2]'],
      invocation: {
        program: 'tsnet-ipam',
        args: [],
        env: { A: '1', B: 'x=y', C: '' },
        stdin: '{"ä":1}',
      },
    });
  });

  it('keeps whatever a runtime may say', () => {
    const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', ''));
    const name = text.map((value) => `N${value.replaceAll('=', '')}`);
    const setting = fc.tuple(name, text);
    const free = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.array(text), fc.array(setting), free, (args, settings, stdin) => {
        const env = settings.map((pair) => pair.join('='));
        const { invocation } = parseRequest(encode([], ['tsnet', ...args], env, stdin)) ?? {};
        expect(invocation).toEqual({ program: 'tsnet', args, env: Object.fromEntries(settings), stdin });
      }),
    );
  });

  it.each([
    ['another language', 'GET / HTTP/1.1\n'],
    ['no line at all', 'x'.repeat(128)],
    ['lengths below zero', 'tsnet1 -1 0 0 0\n'],
    ['too few lengths', 'tsnet1 0 0 0\n'],
    ['more than there may be', 'tsnet1 0 0 0 999999999\n'],
    ['more than it announced', 'tsnet1 0 0 0 1\nab'],
  ])('is refused for %s', (_, text) => {
    expect(() => parseRequest(Buffer.from(text))).toThrow(TsnetError);
  });

  it('is refused or incomplete, and nothing worse, when it is noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isNearlyRight) => {
        const noise = Buffer.concat([Buffer.from(isNearlyRight ? 'tsnet1 ' : ''), bytes]);
        try {
          parseRequest(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(TsnetError);
        }
      }),
    );
  });
});

it('an answer counts bytes, not characters', () => {
  expect(formatAnswer({ exitCode: 1, stdout: 'ä', stderr: '€\n' }).toString()).toBe('tsnet1 1 2 4\nä€\n');
  expect(formatAnswer({ exitCode: 0, stdout: '' }).toString()).toBe('tsnet1 0 0 0\n');
});

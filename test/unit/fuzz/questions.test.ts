import { expect, it } from 'vitest';
import { compileTemplate } from '../../../src/frontends/cli/go-template/render.ts';
import { parsePortQuestion } from '../../../src/inspect/port/index.ts';
import { flowFilter } from '../../../src/kernel/packet/index.ts';
import { parseIp, parseRate, parseSubnet, TsnetError } from '../../../src/model/index.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';

it(
  'a question about a port becomes a filter, or is refused',
  async () => {
    const outcomes = await fuzz({
      name: 'port-questions',
      form: 'text',
      inputs: 5_000,
      seeds: ['8088', '5353/udp', 'web:80', '192.0.2.1:8088', '[fd00::1]:80/sctp'],
      dictionary: ['tcp', 'udp', 'sctp', '[', ']', '65535', '65536', 'localhost', 'lan'],
      answer: (bytes) => {
        const { address, port, protocol } = parsePortQuestion(bytes.toString('utf8'));
        const ends = [{ ips: address === undefined ? [] : [address], port }];
        // Whole instructions. Source: `linux/filter.h`, struct sock_filter.
        expect(flowFilter(protocol, ends, 64).length % 8).toBe(0);
      },
    });
    expect([...outcomes.keys()].sort()).toEqual(['answered', 'invalid-input']);
  },
  fuzzTime,
);

it(
  'a template prints, or is refused',
  async () => {
    const value = {
      name: 'web',
      hostVeth: 'v0',
      ports: [{ port: 80 }, { port: 81 }],
      labels: { a: 'b' },
      none: null,
    };
    const outcomes = await fuzz({
      name: 'templates',
      form: 'text',
      inputs: 8_000,
      seeds: [
        '{{.Name}} {{json .Ports}}',
        '{{range $i, $p := .Ports}}{{$i}}={{$p.Port}}{{else}}none{{end}}',
        '{{if and .Name (eq .HostVeth "v0")}}{{len .Labels | printf "%d"}}{{end}}{{with .None}}x{{end}}',
        '{{- /* c */ -}} {{index .Labels "a"}}{{join (split .Name "e") ","}}{{println `x`}}',
      ],
      dictionary: [
        '{{',
        '}}',
        '{{end}}',
        '{{range .Ports}}',
        'printf',
        'index',
        'len',
        '|',
        '(',
        ')',
        '$',
        '.',
        '-',
      ],
      answer: (bytes) => compileTemplate(bytes.toString('utf8'), new Set(['gateway']))(value).length,
    });
    expect([...outcomes.keys()].sort()).toEqual(['answered', 'invalid-input']);
  },
  fuzzTime,
);

it(
  'addresses, ranges and rates are read as they are written again, or refused',
  async () => {
    const outcomes = await fuzz({
      name: 'words',
      form: 'text',
      inputs: 8_000,
      seeds: ['10.1.0.1', '10.1.0.0/24', 'fd00::1', 'fd00::/64', '::ffff:10.0.0.1', '10mbit', '1.5gbit'],
      dictionary: ['/', ':', '::', '.', '255', 'ffff', 'mbit', 'kbps'],
      answer: (bytes) => {
        const text = bytes.toString('utf8');
        const readers = [parseIp, parseSubnet, parseRate] as const;
        const read = readers.flatMap((one) =>
          accepted(() => one(text)).map((value) => one(String(value)) === value),
        );
        if (read.includes(false)) throw new Error('it reads otherwise when it is written again');
        return read.length === 0 ? 'refused' : 'answered';
      },
    });
    expect(outcomes.get('answered')).toBeGreaterThan(100);
  },
  fuzzTime,
);

function accepted<Value>(read: () => Value): Value[] {
  try {
    return [read()];
  } catch (error) {
    if (error instanceof TsnetError && error.kind === 'invalid-input') return [];
    throw error;
  }
}

import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../../../../src/frontends/cli/go-template/render.ts';

const row = {
  hostVeth: 'veth0',
  index: 5,
  addresses: ['10.1.0.2/24', 'fd00::2/64'],
  isUp: true,
  counters: { receivedBytes: 12 },
  labels: { b: '2', a: '1' },
  ports: [
    { hostPort: 80, protocol: 'tcp' },
    { hostPort: 53, protocol: 'udp' },
  ],
  empty: [],
};
const optional = new Set(['container']);

function render(template: string, value: unknown = row): string {
  return compileTemplate(template, optional)(value);
}

describe('compileTemplate', () => {
  it.each([
    ['plain', 'plain'],
    ['{{.HostVeth}}', 'veth0'],
    ['{{.hostveth}} {{.HOSTVETH}}', 'veth0 veth0'],
    ['{{.HostVeth}}\\t{{.Index}}\\n', 'veth0\t5\n'],
    ['{{.Counters.ReceivedBytes}}', '12'],
    ['[{{.Container}}]', '[]'],
    ['{{.Addresses}}', '[10.1.0.2/24 fd00::2/64]'],
    ['{{range .Addresses}}<{{.}}>{{end}}', '<10.1.0.2/24><fd00::2/64>'],
    ['{{range $i, $a := .Addresses}}{{$i}}={{$a}} {{end}}', '0=10.1.0.2/24 1=fd00::2/64 '],
    [
      '{{range .Ports}}{{.HostPort}}/{{.Protocol}} on {{$.HostVeth}},{{end}}',
      '80/tcp on veth0,53/udp on veth0,',
    ],
    ['{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}', 'a=1;b=2;'],
    ['{{range .Empty}}x{{else}}none{{end}}', 'none'],
    ['{{if .IsUp}}up{{else}}down{{end}}', 'up'],
    ['{{if .Container}}a{{else if eq .Index 5}}b{{else}}c{{end}}', 'b'],
    ['{{with .Counters}}{{.ReceivedBytes}}{{end}}', '12'],
    ['{{json .Ports}}', '[{"hostPort":80,"protocol":"tcp"},{"hostPort":53,"protocol":"udp"}]'],
    ['{{json .}}', JSON.stringify(row)],
    ['{{.HostVeth | upper | printf "%-7s|"}}', 'VETH0  |'],
    ['{{join .Addresses ", "}}', '10.1.0.2/24, fd00::2/64'],
    ['{{len .Addresses}} {{len (index .Addresses 0)}}', '2 11'],
    ['{{index .Labels "a"}} {{index .Addresses 1}}', '1 fd00::2/64'],
    ['{{(index .Ports 0).HostPort}}', '80'],
    ['{{with (index .Ports 1)}}{{.Protocol}}{{end}} {{print (index .Ports 0).Protocol .Index}}', 'udp tcp5'],
    ['{{and .IsUp .Container}}|{{or .Container "-"}}|{{not .IsUp}}', '|-|false'],
    ['{{println .HostVeth .Index}}', 'veth0 5\n'],
    ['a {{- " b " -}} c', 'a b c'],
    ['{{/* nothing */}}x', 'x'],
    ['{{$x := .Index}}{{$x}}', '5'],
    ['{{"}}"}}', '}}'],
    ['{{join .Addresses "\\n"}}', '10.1.0.2/24\nfd00::2/64'],
  ])('renders %s', (template, text) => {
    expect(render(template)).toBe(text);
  });

  it.each([
    ['{{.Nothing}}', 'there is no field .Nothing; there are .HostVeth .Index'],
    ['{{.HostVeth.Name}}', ".Name can't be read"],
    ['{{.Addresses.Name}}', 'a list; use range or index'],
    ['{{index .Addresses 7}}', 'index 7 is outside of a list of 2'],
    ['{{nope .Index}}', 'there is no function nope'],
    ['{{constructor}}', 'there is no function constructor'],
    ['{{.constructor}}', 'there is no field .constructor'],
    ['{{.__proto__}}', 'there is no field .__proto__'],
    ['{{$y}}', 'the variable $y was not set'],
    ['{{if .IsUp}}x', "'{{end}}' is missing"],
    ['x{{end}}', "'{{end}}' stands without"],
    ['{{.HostVeth', "'{{' at character 1 is not closed"],
    ['{{}}', 'an action is empty'],
    ['{{.Index %}}', "'%' is not understood"],
    ['{{(.Index}}', "'(' is not closed"],
    ['{{"\\x"}}', 'has an escape'],
  ])('refuses %s', (template, reason) => {
    expect(() => render(template)).toThrow(reason);
  });

  it('keeps what values hold from steering a terminal', () => {
    const evil = { hostVeth: 'a\u001b[2J', list: ['\u202e'] };
    expect(render('{{.hostVeth}}{{upper .hostVeth}}{{.list}}{{range .list}}{{.}}{{end}}', evil)).toBe(
      'a?[2JA?[2J[?]?',
    );
    expect(render('{{.hostVeth | printf "%s"}}{{index .list 0 | join}}{{or .hostVeth 1}}', evil)).toBe(
      'a?[2J?a?[2J',
    );
    expect(render('{{json .}}', evil)).toBe('{"hostVeth":"a\\u001b[2J","list":["\\u202e"]}');
  });
});

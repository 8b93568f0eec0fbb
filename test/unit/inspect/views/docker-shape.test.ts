import { expect, it } from 'vitest';
import {
  containerAsDocker,
  networkAsDocker,
  type ContainerReport,
  type NetworkReport,
} from '../../../../src/inspect/views/index.ts';

const link = { name: 'eth0', index: 405, hostVeth: 'veth0b', hostIndex: 406, bridge: 'br-app', mtu: 1500 };
const container = {
  netns: 'net:4026532405',
  networks: [
    { name: 'app', interface: 'eth0' },
    { name: 'late', aliases: [] },
  ],
  interfaces: [{ ...link, mac: '02:42:0a:42:00:03', state: 'up' }],
} as unknown as ContainerReport;

it('adds what the kernel holds to each network of a container, and changes nothing else', () => {
  const answer = {
    Id: 'b016',
    Config: { Labels: null },
    NetworkSettings: { SandboxKey: '/x', Networks: { app: { IPAddress: '10.66.0.3' }, late: {}, odd: null } },
  };
  const before = structuredClone(answer);
  expect(containerAsDocker(answer, container)).toEqual([
    {
      ...before,
      NetworkSettings: {
        SandboxKey: '/x',
        Networks: {
          app: {
            IPAddress: '10.66.0.3',
            Kernel: {
              Interface: 'eth0',
              Index: 405,
              HostVeth: 'veth0b',
              HostIndex: 406,
              Bridge: 'br-app',
              NetnsInode: 4026532405,
              Mac: '02:42:0a:42:00:03',
              Mtu: 1500,
              Carrier: true,
            },
          },
          late: { Kernel: { NetnsInode: 4026532405 } },
          odd: null,
        },
      },
    },
  ]);
  expect(answer).toEqual(before);
});

it('adds to each container of a network how it is joined', () => {
  const members = [{ containerId: 'b016', interface: 'eth0', hostVeth: 'veth0b', linkState: 'down' }];
  const report = { members, bridge: { name: 'br-app' } } as unknown as NetworkReport;
  expect(networkAsDocker({ Name: 'app', Containers: { b016: { Name: 'web' } } }, report)).toEqual([
    {
      Name: 'app',
      Containers: {
        b016: {
          Name: 'web',
          Kernel: { Interface: 'eth0', HostVeth: 'veth0b', Bridge: 'br-app', Carrier: false },
        },
      },
    },
  ]);
});

it.each([null, 7, [], {}, { NetworkSettings: null }, { NetworkSettings: { Networks: [] } }])(
  'leaves what is no such answer as it is: %j',
  (answer) => {
    expect(containerAsDocker(answer, container)).toEqual([answer]);
  },
);

import { setTimeout as sleep } from 'node:timers/promises';
import { testImage } from '../../support/engine.ts';
import { answersLan, answersLoopback, answers } from './rig.ts';
import type { Fault } from './fault.ts';

/** Faults of what runs in the container and of how it was published. */
export const applicationFaults: readonly Fault[] = [
  {
    id: 'F01',
    title: 'listens on 127.0.0.1',
    inject: ({ web }) => web(['-p', '8088:80'], ['httpd', '-f', '-p', '127.0.0.1:80', '-h', '/www']),
    ask: ['8088'],
    code: 'listener.loopback-only',
    names: [/web/, /127\.0\.0\.1:80/, /httpd/],
    works: answersLan,
    byHand: 'the application has to bind another address',
  },
  {
    id: 'F02',
    title: 'listens on another port',
    inject: ({ web }) => web(['-p', '8088:80'], ['httpd', '-f', '-p', '8080', '-h', '/www']),
    ask: ['8088'],
    code: 'listener.other-port',
    names: [/80\/tcp/, /:8080/, /httpd/],
    works: answersLan,
    byHand: 'the container has to be made anew',
  },
  {
    id: 'F03a',
    title: 'nothing listens',
    inject: ({ web }) => web(['-p', '8088:80'], ['sleep', '100000']),
    ask: ['8088'],
    code: 'listener.none',
    names: [/web/, /80\/tcp/],
    works: answersLan,
    byHand: 'the application has to be started',
  },
  {
    id: 'F03b',
    title: 'paused',
    inject: async ({ web, docker }) => {
      await web();
      await docker('pause', 'web');
    },
    ask: ['8088'],
    code: 'container.paused',
    names: [/web/],
    works: answersLan,
  },
  {
    id: 'F03c',
    title: 'exited',
    inject: async ({ web, docker }) => {
      await web();
      await docker('stop', '-t', '0', 'web');
    },
    ask: ['8088'],
    code: 'container.not-running',
    names: [/web/, /137/],
    works: answersLan,
  },
  {
    id: 'F04',
    title: 'published on 127.0.0.1 only',
    inject: ({ web }) => web(['-p', '127.0.0.1:8088:80']),
    ask: ['8088'],
    code: 'port.other-host-address',
    names: [/127\.0\.0\.1/, /192\.0\.2\.1/],
    works: answersLan,
    byHand: 'the container has to be made anew',
  },
  {
    id: 'F05',
    title: 'exposed, not published',
    inject: ({ web }) => web(['--expose', '80']),
    ask: ['80'],
    code: 'port.not-published',
    names: [/web/, /80\/tcp/],
    works: (rig) => answersLan(rig, 80),
    byHand: 'the container has to be made anew',
  },
  {
    id: 'F06',
    title: 'host port belongs to another process',
    inject: async ({ docker, serve }) => {
      await docker('rm', '-f', 'web').catch(() => undefined);
      const end = await serve('8088');
      await docker('run', '-d', '--name', 'web', '--network', 'app', '-p', '8088:80', testImage).catch(
        () => undefined,
      );
      return end;
    },
    ask: ['8088'],
    code: 'port.taken',
    names: [/socat/, /8088/, /web/],
    byHand: 'whose program may end is for the user to say',
  },
  {
    id: 'F07',
    title: 'host network ignores -p',
    inject: async ({ docker }) => {
      await docker('rm', '-f', 'web').catch(() => undefined);
      const command = ['httpd', '-f', '-p', '8081', '-h', '/www'];
      await docker('run', '-d', '--name', 'web', '--network', 'host', '-p', '8088:80', testImage, ...command);
    },
    ask: ['8088'],
    code: 'port.host-network',
    names: [/web/, /8088:80/],
    works: answersLan,
    byHand: 'the container has to be made anew',
  },
  {
    id: 'F31a',
    title: 'published for IPv4, asked by IPv6',
    inject: ({ web }) => web(['-p', '0.0.0.0:8088:80']),
    ask: ['[::1]:8088'],
    code: 'port.other-family',
    names: [/0\.0\.0\.0/, /::1/],
    works: ({ host }) => answers(host, 'http://[::1]:8088/'),
    byHand: 'the container has to be made anew',
  },
  {
    id: 'F31b',
    title: 'listens for IPv6 only',
    inject: ({ web }) => web(['-p', '8088:80'], ['socat', 'TCP6-LISTEN:80,ipv6only=1,fork', 'SYSTEM:cat']),
    ask: ['8088'],
    code: 'listener.other-family',
    names: [/\[::\]:80/, /IPv4/],
    works: answersLan,
    byHand: 'the application has to bind another address',
  },
  {
    id: 'F33a',
    title: 'docker-proxy is gone',
    inject: async ({ web, host }) => {
      await web();
      const proxies = await host('pgrep', '-f', 'docker-proxy.*-host-port 8088 ');
      await host('kill', '-9', ...proxies.split('\n'));
      await sleep(300);
    },
    ask: ['8088'],
    code: 'proxy.gone',
    names: [/127\.0\.0\.1:8088/, /docker-proxy/],
    works: answersLoopback,
  },
  {
    id: 'F34',
    title: 'UDP service published as TCP',
    inject: ({ web }) => web(['-p', '5355:5353']),
    ask: ['5355'],
    code: 'port.other-protocol',
    names: [/5353\/udp/, /5353\/tcp/],
    byHand: 'the container has to be made anew',
  },
  {
    id: 'F34b',
    title: 'asked by UDP, published as TCP',
    inject: ({ web }) => web(['-p', '5355:5353']),
    ask: ['5355/udp'],
    code: 'port.other-protocol',
    names: [/5353\/udp/, /5353\/tcp/],
    byHand: 'the container has to be made anew',
  },
];

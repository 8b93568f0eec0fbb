import { fact, found } from '../port/hop.ts';
import { formatSocket } from '../port/listener.ts';
import { allContainers } from '../port/lookup.ts';
import type { Check } from './check.ts';

/** Processes of docker-proxy for ports that no container publishes. */
export const orphanedProxies: Check = {
  name: 'orphaned proxies',
  find: ({ inspection, host }) => {
    const isAsked = inspection.engines.some(({ kind }) => kind === 'docker');
    const published = allContainers(inspection).flatMap(({ container }) => [
      ...container.publishedPorts,
      ...container.requestedPorts,
    ]);
    const proxies = host.sockets.filter(({ process }) => process?.command === 'docker-proxy');
    if (!isAsked) return [];
    return proxies
      .filter(
        ({ port, protocol }) =>
          !published.some((each) => each.hostPort === port && each.protocol === protocol),
      )
      .map((socket) =>
        found('proxy.orphan', {
          severity: 'warning',
          subject: `port ${socket.port}/${socket.protocol}`,
          message: `${formatSocket(socket)} holds ${socket.port}/${socket.protocol}, which no container publishes`,
          evidence: [fact('sock_diag', `${host.id} ${socket.protocol} ${socket.port}`, formatSocket(socket))],
          fix: socket.process === undefined ? [] : [`kill ${socket.process.pid}`],
        }),
      );
  },
};

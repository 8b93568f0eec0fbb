import { fact, found } from '../port/hop.ts';
import { allContainers, containersIn } from '../port/lookup.ts';
import { shellWord } from '../port/shell-word.ts';
import type { Check } from './check.ts';

/** How Docker names the namespaces of containers; those of Swarm have other names. */
const sandbox = /^(?:\/var)?\/run\/docker\/netns\/[0-9a-f]{12}$/;

/** Namespaces that Docker pinned for containers that are gone. */
export const leakedNamespaces: Check = {
  name: 'leaked namespaces',
  find: ({ inspection, host }) => {
    if (!inspection.engines.some(({ kind }) => kind === 'docker')) return [];
    const known = new Set(
      allContainers(inspection).map(({ container }) => nameOf(container.sandboxPath ?? '')),
    );
    return inspection.snapshot.namespaces.flatMap((netns) => {
      const path = netns.paths.find((each) => sandbox.test(each));
      if (path === undefined || netns === host || netns.processes.length > 0) return [];
      if (known.has(nameOf(path)) || containersIn(inspection, netns.id).length > 0) return [];
      return [
        found('netns.leaked', {
          severity: 'warning',
          isCertain: false,
          subject: `namespace ${netns.id}`,
          message: `${path} is a namespace of no container, and no process is in it`,
          evidence: [fact('proc', netns.id, `pinned at ${path}, no processes`)],
          fix: [`umount ${shellWord(path)}`, `rm ${shellWord(path)}`],
        }),
      ];
    });
  },
};

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

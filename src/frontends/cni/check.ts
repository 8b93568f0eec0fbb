import { invalid, TsnetError } from '../../model/index.ts';
import { checkEndpoint } from '../../network/index.ts';
import { parseAddConfig } from './add-config.ts';
import { CniError, cniCodes } from './errors.ts';
import type { Request } from './request.ts';
import type { Operation } from './verbs.ts';

/**
 * Compares an attachment with its record and with the result of its ADD. What later plugins changed on it, such as MAC
 * address and MTU, is theirs; addresses and routes that they added as well.
 */
export function check(request: Request): Operation {
  const { ipam, previous } = parseAddConfig(request);
  if (previous === undefined) throw invalid('prevResult', undefined, 'the result of the ADD that is checked');
  return async (context) => {
    const { network, id, ifName, containerId, name } = request;
    const endpoint = context.state.read((view) => view.endpoint(network, id));
    if (endpoint === undefined) {
      throw new CniError(
        cniCodes.unknownContainer,
        `check ${ifName} of container ${containerId}: it is not attached to ${name}`,
      );
    }
    const position = previous.interfaces.findIndex(({ name: other, sandbox }) => other === ifName && sandbox);
    if (position === -1) throw drift(request, [`prevResult has no interface ${ifName} in a sandbox`]);
    const told = new Set(
      previous.ips.filter((ip) => (ip.interface ?? position) === position).map(({ address }) => address),
    );
    const untold = endpoint.addresses.filter((address) => !told.has(address));
    const differences = [
      ...untold.map((address) => `prevResult lacks its address ${address}`),
      ...(await checkEndpoint(context, network, id)),
    ];
    if (differences.length > 0) throw drift(request, differences);
    await ipam.check(context);
    return undefined;
  };
}

function drift({ ifName, containerId }: Request, differences: readonly string[]): TsnetError {
  return new TsnetError('drift', `check ${ifName} of container ${containerId}: ${differences.join('; ')}`, {
    hint: 'restart the container; `tsnet reconcile` makes again what is on the host',
  });
}

import { invalid, TsnetError } from '../../model/index.ts';
import { checkEndpoint } from '../../network/index.ts';
import { parseAddConfig } from './add-config.ts';
import { compareResult } from './compare-result.ts';
import { CniError, cniCodes } from './errors.ts';
import type { Request } from './request.ts';
import { refuseNoNamespace } from './sandbox.ts';
import type { Operation } from './verbs.ts';

/** Compares an attachment with its record and with the result of its ADD; more than these tell is tolerated. */
export function check(request: Request): Operation {
  const { ipam, previous } = parseAddConfig(request);
  if (previous === undefined) throw invalid('prevResult', undefined, 'the result of the ADD that is checked');
  return async (context) => {
    const { network: id, ifName, containerId, name } = request;
    const { network, endpoint } = context.state.read((view) => ({
      network: view.network(id),
      endpoint: view.endpoint(id, request.id),
    }));
    if (network === undefined || endpoint === undefined) {
      throw new CniError(
        cniCodes.unknownContainer,
        `check ${ifName} of container ${containerId}: it is not attached to ${name}`,
      );
    }
    refuseNoNamespace(request);
    const differences = [
      ...(await compareResult(context, request, { network, endpoint }, previous)),
      ...(await checkEndpoint(context, id, request.id)),
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

import { invalid, parseIp, parseSubnet, type PoolId } from '../../model/index.ts';
import { releaseAddress, releasePool, requestAddress, requestPool, type Pool } from '../../network/index.ts';
import type { Calls } from './calls.ts';
import {
  decode,
  poolSchema,
  releaseAddressSchema,
  requestAddressSchema,
  requestPoolSchema,
} from './requests.ts';

/** The address spaces that engines are told of; a range may be in use once in each. */
export const addressSpaces: readonly string[] = ['local', 'global'];

const gatewayType = 'com.docker.network.gateway';

/** The calls of an IPAM driver. Source: libnetwork docs/ipam.md and what engines 20.10 to 28.5 were seen to send. */
export const ipamDriver: Calls = {
  'IpamDriver.GetCapabilities': {
    run: () => ({ RequiresMACAddress: false, RequiresRequestReplay: false }),
  },

  'IpamDriver.GetDefaultAddressSpaces': {
    run: () => ({ LocalDefaultAddressSpace: 'local', GlobalDefaultAddressSpace: 'global' }),
  },

  'IpamDriver.RequestPool': {
    run: async (context, body) => {
      const request = decode(requestPoolSchema, body);
      const pool = await requestPool(context, {
        space: parseSpace(request.AddressSpace),
        family: request.V6 ? 6 : 4,
        ...(request.Pool ? { subnet: parseSubnet(request.Pool, 'Pool') } : {}),
        ...(request.SubPool ? { range: parseSubnet(request.SubPool, 'SubPool') } : {}),
      });
      return { PoolID: pool.id, Pool: pool.subnet, Data: {} };
    },
  },

  'IpamDriver.ReleasePool': {
    isRemoval: true,
    run: async (context, body) => {
      await releasePool(context, parsePoolId(decode(poolSchema, body).PoolID));
      return {};
    },
  },

  'IpamDriver.RequestAddress': {
    run: async (context, body) => {
      const request = decode(requestAddressSchema, body);
      const purpose = request.Options['RequestAddressType'] === gatewayType ? 'gateway' : 'endpoint';
      const wanted = request.Address ? parseIp(request.Address, 'Address') : undefined;
      const address = await requestAddress(context, parsePoolId(request.PoolID), purpose, wanted);
      return { Address: address, Data: {} };
    },
  },

  'IpamDriver.ReleaseAddress': {
    isRemoval: true,
    run: async (context, body) => {
      const request = decode(releaseAddressSchema, body);
      await releaseAddress(context, parsePoolId(request.PoolID), parseIp(request.Address, 'Address'));
      return {};
    },
  },
};

function parseSpace(text: string): Pool['space'] {
  if (text === 'local' || text === 'global') return text;
  throw invalid('AddressSpace', text, addressSpaces.join(' or '));
}

function parsePoolId(text: string): PoolId {
  if (!/^[\w./:-]{1,200}$/.test(text)) throw invalid('PoolID', text, 'an id that RequestPool gave');
  return text as PoolId;
}

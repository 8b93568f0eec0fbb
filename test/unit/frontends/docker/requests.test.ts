import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as schemas from '../../../../src/frontends/docker/requests.ts';
import { TsnetError } from '../../../../src/model/index.ts';

const { decode } = schemas;

const schemaOf = {
  'NetworkDriver.CreateNetwork': schemas.createNetworkSchema,
  'NetworkDriver.DeleteNetwork': schemas.networkSchema,
  'NetworkDriver.CreateEndpoint': schemas.createEndpointSchema,
  'NetworkDriver.DeleteEndpoint': schemas.endpointSchema,
  'NetworkDriver.Join': schemas.joinSchema,
  'NetworkDriver.Leave': schemas.endpointSchema,
  'NetworkDriver.ProgramExternalConnectivity': schemas.programSchema,
  'NetworkDriver.RevokeExternalConnectivity': schemas.endpointSchema,
  'NetworkDriver.EndpointOperInfo': schemas.endpointSchema,
  'IpamDriver.RequestPool': schemas.requestPoolSchema,
  'IpamDriver.ReleasePool': schemas.poolSchema,
  'IpamDriver.RequestAddress': schemas.requestAddressSchema,
  'IpamDriver.ReleaseAddress': schemas.releaseAddressSchema,
} as const;

const traffic = join(import.meta.dirname, '../../../fixtures/cnm-traffic');

describe('requests', () => {
  it('of every recorded engine can be read', () => {
    let count = 0;
    for (const file of readdirSync(traffic)) {
      for (const line of readFileSync(join(traffic, file), 'utf8').trim().split('\n')) {
        const { call, request } = JSON.parse(line) as { call: keyof typeof schemaOf; request: unknown };
        const schema = schemaOf[call] as (typeof schemaOf)['NetworkDriver.Join'] | undefined;
        if (schema === undefined || request === null) continue;
        count += 1;
        expect(() => decode(schema, request), `${file}: ${line}`).not.toThrow();
      }
    }
    expect(count).toBeGreaterThan(1000);
  });

  it.each([
    [{}, 'NetworkID: it is required and missing'],
    [[], 'NetworkID: it is required and missing'],
    [null, 'request: null is not allowed, expected Object'],
    ['text', 'request: "text" is not allowed, expected Object'],
    [{ NetworkID: 7, EndpointID: 'e' }, 'NetworkID: 7 is not allowed, expected string'],
    [{ NetworkID: 'n', EndpointID: 'e', Interface: { Address: 5 } }, 'Interface.Address: 5 is not allowed'],
  ])('that are wrong are refused with the field: %j', (body, message) => {
    expect(() => decode(schemas.createEndpointSchema, body)).toThrow(message);
  });

  it('of any shape give an answer or a TsnetError, nothing else', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(schemaOf)), fc.jsonValue(), (schema, body) => {
        try {
          decode(schema as (typeof schemaOf)['NetworkDriver.Join'], body);
        } catch (error) {
          expect(error).toBeInstanceOf(TsnetError);
          expect((error as TsnetError).kind).toBe('invalid-input');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

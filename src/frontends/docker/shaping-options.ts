import { invalid, parseRateLimit, shapingOf, type RateLimit, type Shaping } from '../../model/index.ts';

/** The options that limit the speed of a container, short and in full. `ingress` is towards the container. */
export const shapingNames: Readonly<Record<string, string>> = {
  rate: 'tsnet.rate',
  ingress_rate: 'tsnet.ingress_rate',
  egress_rate: 'tsnet.egress_rate',
  burst: 'tsnet.burst',
  ingress_burst: 'tsnet.ingress_burst',
  egress_burst: 'tsnet.egress_burst',
};

/** An option as it was given: its value, and what to call it in an error. */
export interface GivenOption {
  readonly value: string;
  readonly field: string;
}

/**
 * Reads the options of one network or endpoint that limit speed; undefined when there are none. What is said of one
 * direction counts before what is said of both.
 *
 * @param given looks an option up by its name in full
 * @throws invalid-input, also for a burst where no rate is given
 */
export function parseShapingOptions(given: (name: string) => GivenOption | undefined): Shaping | undefined {
  const [rate, burst] = [given('tsnet.rate'), given('tsnet.burst')];
  const limits = (['ingress', 'egress'] as const).map((direction): RateLimit | undefined => {
    const ownRate = given(`tsnet.${direction}_rate`) ?? rate;
    const ownBurst = given(`tsnet.${direction}_burst`);
    // A burst for both directions counts where there is a rate.
    const usedBurst = ownBurst ?? (ownRate === undefined ? undefined : burst);
    return parseRateLimit(
      { rate: ownRate?.value, burst: usedBurst?.value },
      { rate: ownRate?.field ?? `tsnet.${direction}_rate`, burst: usedBurst?.field ?? '' },
    );
  });
  const shaping = shapingOf(limits[0], limits[1]);
  if (shaping === undefined && burst !== undefined) {
    throw invalid(burst.field, burst.value, 'nothing, because tsnet.rate is not given');
  }
  return shaping;
}

/**
 * Reads what `--driver-opt` says of one endpoint. It stands among the engine's own options, so that only keys with our
 * prefix count.
 *
 * @throws invalid-input for a bad value and for an unknown key with our prefix
 */
export function parseEndpointOptions(options: Readonly<Record<string, unknown>>): { shaping?: Shaping } {
  const known = Object.values(shapingNames);
  for (const [key, value] of Object.entries(options)) {
    if (!key.startsWith('tsnet.')) continue;
    if (typeof value !== 'string' || !known.includes(key)) {
      throw invalid(`driver option ${key}`, value, `one of ${known.join(', ')}`);
    }
  }
  const shaping = parseShapingOptions((name) => {
    const value = options[name];
    return typeof value === 'string' ? { value, field: `driver option ${name}` } : undefined;
  });
  return shaping === undefined ? {} : { shaping };
}

export { bridgeAddresses, desired, desiredOfEndpoints, familiesOf, type Intent } from './desired.ts';
export { diff, formatChange, type Change } from './diff.ts';
export { isAsDesired } from './compare.ts';
export { withoutVanished } from './vanished.ts';

export { desired, familiesOf, type Intent } from './desired.ts';
export { diff, formatChange, type Change } from './diff.ts';
export { isAsDesired } from './compare.ts';

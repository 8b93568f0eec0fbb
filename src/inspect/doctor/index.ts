export { checks } from './checks.ts';
export { examine, type Examination } from './examine.ts';

export { describeRule } from './describe-rule.ts';
export { findTranslations, type Translation } from './find-translations.ts';
export type { Part } from './order.ts';
export type * from './packet.ts';
export { parseRuleSets } from './parse-rule-sets.ts';
export type { Rules } from './rules.ts';
export { walk } from './walk.ts';

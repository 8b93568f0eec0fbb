import type { NetworkRules, Owner } from '../../model/resource.ts';

/** What the comment of a rule tells about its network. */
export type CommentedNetwork = Pick<NetworkRules, 'owner' | 'isInternal' | 'allowsIcc' | 'masquerades'>;

/** Owner and properties as the comment of a rule, such as `network:4f2a icc masquerade`. */
export function networkComment({ owner, isInternal, allowsIcc, masquerades }: CommentedNetwork): string {
  const words = [
    owner,
    isInternal ? 'internal' : '',
    allowsIcc ? 'icc' : '',
    masquerades ? 'masquerade' : '',
  ];
  return words.filter((word) => word !== '').join(' ');
}

/** Reads what `networkComment` wrote. */
export function parseNetworkComment(comment: string): CommentedNetwork {
  const [owner, ...flags] = comment.split(' ');
  return {
    owner: owner as Owner,
    isInternal: flags.includes('internal'),
    allowsIcc: flags.includes('icc'),
    masquerades: flags.includes('masquerade'),
  };
}

import type { NetworkRules, Owner } from '../../model/resource.ts';

/** What the comment of a rule tells about its network. */
export type CommentedNetwork = Pick<
  NetworkRules,
  'owner' | 'isInternal' | 'allowsIcc' | 'masquerades' | 'antispoofs'
>;

/** Owner and properties as the comment of a rule, such as `network:4f2a icc masquerade`. */
export function networkComment(network: CommentedNetwork): string {
  const { owner, isInternal, allowsIcc, masquerades, antispoofs } = network;
  const words = [
    owner,
    isInternal ? 'internal' : '',
    allowsIcc ? 'icc' : '',
    masquerades ? 'masquerade' : '',
    antispoofs === true ? 'antispoof' : '',
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
    ...(flags.includes('antispoof') ? { antispoofs: true } : {}),
  };
}

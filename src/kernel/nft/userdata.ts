/** Of tables and set elements alike: the first kind of user data is the comment. Source: libnftnl udata.h. */
const commentType = 0;

/** A comment as the kernel keeps it: type, length and text with a closing zero byte, as nft(8) reads it. */
export function encodeComment(comment: string): Uint8Array {
  const text = Buffer.from(`${comment}\0`);
  return Buffer.concat([Uint8Array.of(commentType, text.length), text]);
}

/** The comment in user data; `undefined` without one. */
export function decodeComment(userdata: Uint8Array): string | undefined {
  for (let at = 0; at + 2 <= userdata.length; at += 2 + (userdata[at + 1] ?? 0)) {
    if (userdata[at] !== commentType) continue;
    const text = userdata.subarray(at + 2, at + 2 + (userdata[at + 1] ?? 0));
    return new TextDecoder().decode(text).replace(/\0.*$/s, '');
  }
  return undefined;
}

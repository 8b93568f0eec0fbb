export { NftTrace } from './nft-trace.ts';
export type { NftTraceEvent, NftTraceFlow } from './nft-trace-messages.ts';
export { parseSkbEvents, type SkbEvent } from './skb-event.ts';
export { SkbTrace, type SkbTraceOptions } from './skb-trace.ts';

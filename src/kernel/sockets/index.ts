export type { Listener } from './listener.ts';
export { listAllListeners, listListeners, usedPorts, type ListenerFilter } from './listeners.ts';

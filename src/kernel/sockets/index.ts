export type { Listener } from './listener.ts';
export { listListeners, usedPorts, type ListenerFilter } from './listeners.ts';

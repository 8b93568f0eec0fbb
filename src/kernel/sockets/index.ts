export type { Listener } from './listener.ts';
export {
  listAllListeners,
  listenerQuestions,
  listListeners,
  usedPorts,
  type ListenerFilter,
} from './listeners.ts';

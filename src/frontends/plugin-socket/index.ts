export { answerTo, type AnswerTo } from './answer.ts';
export type { Answer, Invocation } from './invocation.ts';
export { socketName, startPluginSocket, type PluginSocket, type PluginSocketOptions } from './server.ts';

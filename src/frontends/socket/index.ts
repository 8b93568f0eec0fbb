export { isAnswered, listen } from './listen.ts';

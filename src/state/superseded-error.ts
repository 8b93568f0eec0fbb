import { TsnetError } from '../model/index.ts';

/** The stores that are open are not those in use any more; whoever opens them again finds those that are. */
export class SupersededError extends TsnetError {
  constructor(why = 'its working records were replaced meanwhile') {
    super('try-again', `use state: ${why}`);
  }
}

import { TsnetError } from '../../model/errors.ts';
import { addressesOf, listAddressesMessage, type LinkAddress } from './addresses.ts';
import type { Answers, Question } from './ask-namespaces.ts';
import { netlinkProtocols } from './connection.ts';
import { countedLinksOf, listCountedLinksMessage, type CountedLink } from './counted-links.ts';
import type { Link } from './link.ts';
import { listLinksMessage } from './link-messages.ts';
import { linksOf } from './links.ts';
import type { Message, Reply } from './message.ts';
import { listNeighboursMessage } from './neighbours.ts';
import { decodeNsid, nsidMessage } from './nsids.ts';
import { listRoutesMessage } from './routes.ts';
import { listRulesMessage } from './rules.ts';

const families = [4, 6] as const;

/**
 * What `Rtnetlink` asks for its lists, for `askNamespaces`: a list whose question was asked there costs no further
 * exchange.
 */
export const questions = {
  links: [ofRoute(listLinksMessage())],
  countedLinks: [ofRoute(listCountedLinksMessage())],
  addresses: [ofRoute(listAddressesMessage())],
  routes: families.map((family) => ofRoute(listRoutesMessage(family))),
  policyRules: families.map((family) => ofRoute(listRulesMessage(family))),
  neighbours: families.map((family) => ofRoute(listNeighboursMessage(family))),
} satisfies Record<string, readonly Question[]>;

/** The same for the id of an open namespace; the kernel takes its descriptor wherever it is asked. */
export function nsidQuestion(descriptor: number): Question {
  return { ...ofRoute(nsidMessage(descriptor)), isOne: true };
}

/** What was answered, as `Rtnetlink` gives it; undefined where it has to be asked for (again). */
export const answered = {
  links: (answers: Answers): Link[] | undefined => decode(answers, questions.links, linksOf),
  countedLinks: (answers: Answers, settings: boolean): CountedLink[] | undefined =>
    decode(answers, questions.countedLinks, (replies) => countedLinksOf(replies, settings)),
  /** The id in question; undefined also where there is none. */
  nsid: (answers: Answers, question: Question): number | undefined =>
    decode(answers, [question], (replies) => replies.map(decodeNsid).find((nsid) => nsid >= 0)),
  addresses: (answers: Answers): LinkAddress[] | undefined =>
    decode(answers, questions.addresses, (replies) => addressesOf(replies)),
};

/** What can't be read counts as not answered: who asks again gets the error. */
function decode<Result>(
  answers: Answers,
  [question]: readonly Question[],
  decodeReplies: (replies: readonly Reply[]) => Result,
): Result | undefined {
  const replies = question === undefined ? undefined : answers.list(question);
  if (replies === undefined) return undefined;
  try {
    return decodeReplies(replies);
  } catch (error) {
    if (error instanceof TsnetError) return undefined;
    throw error;
  }
}

function ofRoute(message: Message): Question {
  return { protocol: netlinkProtocols.route, message };
}

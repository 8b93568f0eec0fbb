import type { Answers, Question } from '../netlink/ask-namespaces.ts';
import { netlinkProtocols } from '../netlink/connection.ts';
import { decodeListedTable, listTables, type ListedTable } from './messages.ts';

/** Which tables there are, for `askNamespaces`: one that has none needs no nft(8). */
export const tablesQuestion: Question = {
  protocol: netlinkProtocols.netfilter,
  message: listTables(),
};

/** The tables of all families; undefined where the kernel did not tell, as to ordinary users. */
export function tablesIn(answers: Answers): ListedTable[] | undefined {
  return answers.list(tablesQuestion)?.map(decodeListedTable);
}

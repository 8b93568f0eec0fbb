import { Attributes, listAttributes } from '../netlink/attributes.ts';
import { messageFlags, type Message, type Reply } from '../netlink/message.ts';
import { MessageWriter } from '../netlink/message-writer.ts';
import {
  decodeElement,
  encodeElement,
  formatElement,
  type SetElement,
  type SetSchema,
} from './set-element.ts';
import { decodeComment, encodeComment } from './userdata.ts';

/** A table by its family and name. Source: `linux/netfilter.h`, NFPROTO_*. */
export interface TableName {
  readonly family: 'inet' | 'ip' | 'ip6' | 'bridge';
  readonly name: string;
}

/** As many elements as surely fit into one attribute of 65,535 bytes, with keys and comments of full length. */
export const elementsPerMessage = 200;

/** Asks for the number that every change of any table of the namespace increases. */
export function readGeneration(): Message {
  return {
    type: messageType(types.getGeneration),
    body: header('unspecified'),
    doing: 'read nft generation',
  };
}

/** The generation in the answer to `readGeneration`. */
export function decodeGeneration(reply: Reply): number | undefined {
  return new Attributes(reply.body, headerLength).be32(generationId);
}

/** Asks for a table. */
export function readTable({ family, name }: TableName): Message {
  const body = new MessageWriter(header(family)).string(tableAttributes.name, name).body;
  return { type: messageType(types.getTable), body, doing: `read nft table ${family} ${name}` };
}

/** The comment in the answer to `readTable`, empty without one. */
export function decodeTableComment(reply: Reply): string {
  const userdata = new Attributes(reply.body, headerLength).bytes(tableAttributes.userdata);
  return userdata === undefined ? '' : (decodeComment(userdata) ?? '');
}

/** A table of any family. */
export interface ListedTable {
  /** Absent for families that are not named here, such as `arp` and `netdev`. */
  readonly family?: TableName['family'];
  readonly name: string;
}

/** Asks for a list of all tables of all families. */
export function listTables(): Message {
  return { type: messageType(types.getTable), body: header('unspecified'), doing: 'list nft tables' };
}

/** A table in the answer to `listTables`. */
export function decodeListedTable({ body }: Reply): ListedTable {
  const name = new Attributes(body, headerLength).string(tableAttributes.name) ?? '';
  const family = (['inet', 'ip', 'ip6', 'bridge'] as const).find((one) => families[one] === body[0]);
  return { ...(family === undefined ? {} : { family }), name };
}

/** Asks for a chain. */
export function readChain({ family, name }: TableName, chain: string): Message {
  const body = new MessageWriter(header(family))
    .string(chainAttributes.table, name)
    .string(chainAttributes.name, chain).body;
  return { type: messageType(types.getChain), body, doing: `read nft chain ${family} ${name} ${chain}` };
}

/** Deletes a chain that has no rules; one that has some is an error. Only inside a batch. */
export function deleteEmptyChain({ family, name }: TableName, chain: string): Message {
  const body = new MessageWriter(header(family))
    .string(chainAttributes.table, name)
    .string(chainAttributes.name, chain).body;
  const doing = `delete nft chain ${family} ${name} ${chain}`;
  return { type: messageType(types.deleteChain), flags: nonRecursive, body, doing };
}

/** Deletes a table that holds nothing; one that holds something is an error. Only inside a batch. */
export function deleteEmptyTable({ family, name }: TableName): Message {
  const body = new MessageWriter(header(family)).string(tableAttributes.name, name).body;
  const doing = `delete nft table ${family} ${name}`;
  return { type: messageType(types.deleteTable), flags: nonRecursive, body, doing };
}

/** Asks for a list of all rules of a table. */
export function listRules({ family, name }: TableName): Message {
  const body = new MessageWriter(header(family)).string(ruleTable, name).body;
  return { type: messageType(types.getRule), body, doing: `list nft rules ${family} ${name}` };
}

/** Asks for one element by its key. */
export function readElement(table: TableName, element: SetElement): Message {
  const { key: bytes, keyEnd } = encodeElement(element);
  return {
    type: messageType(types.getElements),
    body: elementList(table, element.set, [{ key: bytes, ...(keyEnd === undefined ? {} : { keyEnd }) }]),
    doing: `read nft element ${table.family} ${table.name} ${element.set.name} { ${formatElement(element)} }`,
  };
}

/** Asks for a list of all elements of a set. */
export function listElements(table: TableName, set: SetSchema): Message {
  return {
    type: messageType(types.getElements),
    body: elementList(table, set, []),
    doing: `list nft set ${table.family} ${table.name} ${set.name}`,
  };
}

/** The elements in an answer to `readElement` or `listElements`. */
export function decodeElements<Name extends string>(set: SetSchema<Name>, reply: Reply): SetElement<Name>[] {
  const list = new Attributes(reply.body, headerLength).bytes(listAttribute.elements);
  return listAttributes(list ?? Buffer.alloc(0)).map(({ payload }) => {
    const attributes = new Attributes(payload);
    const value = (type: number) => attributes.nested(type)?.bytes(dataValue);
    const [keyEnd, data] = [value(elementAttributes.keyEnd), value(elementAttributes.data)];
    const userdata = attributes.bytes(elementAttributes.userdata);
    return decodeElement(
      set,
      {
        key: value(elementAttributes.key) ?? Buffer.alloc(0),
        ...(keyEnd === undefined ? {} : { keyEnd }),
        ...(data === undefined ? {} : { data }),
      },
      userdata === undefined ? undefined : decodeComment(userdata),
    );
  });
}

/** Adds elements, all of one set; one that exists is an error, even an equal one. Only inside a batch. */
export function addElements(table: TableName, elements: readonly SetElement[]): Message[] {
  return changeElements(
    table,
    elements,
    'add',
    types.newElements,
    messageFlags.create | messageFlags.exclusive,
  );
}

/** Deletes elements, all of one set; one that is absent is an error. Only inside a batch. */
export function deleteElements(table: TableName, elements: readonly SetElement[]): Message[] {
  // A key is enough; the kernel does not look at the value.
  const keys = elements.map(({ set, key }) => ({ set, key }));
  return changeElements(table, keys, 'delete', types.deleteElements, 0);
}

/** Begins a batch; with a generation the kernel refuses it with ERESTART when anything changed since. */
export function beginBatch(generation?: number): Message {
  const body = new MessageWriter(batchHeader).be32(batchGeneration, generation).body;
  return { type: batchTypes.begin, body, doing: 'begin nft batch' };
}

/** Ends a batch, which makes the kernel carry it out. */
export function endBatch(): Message {
  return { type: batchTypes.end, body: batchHeader, doing: 'end nft batch' };
}

// Source of all numbers: `linux/netfilter/nfnetlink.h` and `linux/netfilter/nf_tables.h`.

/** NFNL_SUBSYS_NFTABLES. */
const subsystem = 10;
const types = {
  getTable: 1,
  deleteTable: 2,
  getChain: 4,
  deleteChain: 5,
  getRule: 7,
  newElements: 12,
  getElements: 13,
  deleteElements: 14,
  getGeneration: 16,
} as const;
/** NLM_F_NONREC: do not delete what is inside as well. Source: `linux/netlink.h`. */
const nonRecursive = 0x100;
/** NFNL_MSG_BATCH_BEGIN and _END. */
const batchTypes = { begin: 16, end: 17 } as const;
/** NFNL_BATCH_GENID. */
const batchGeneration = 1;
const families = { unspecified: 0, inet: 1, ip: 2, bridge: 7, ip6: 10 } as const;

const generationId = 1;
const tableAttributes = { name: 1, userdata: 6 } as const;
const chainAttributes = { table: 1, name: 3 } as const;
const ruleTable = 1;
/** NFTA_SET_ELEM_LIST_* */
const listAttribute = { table: 1, set: 2, elements: 3 } as const;
const listItem = 1;
/** NFTA_SET_ELEM_* */
const elementAttributes = { key: 1, data: 2, userdata: 6, keyEnd: 10 } as const;
const dataValue = 1;

/** struct nfgenmsg: family, version, and for batches the subsystem in network order. */
const headerLength = 4;
const batchHeader = Uint8Array.of(families.unspecified, 0, 0, subsystem);

/** struct nfgenmsg of a request. */
export function header(family: keyof typeof families): Uint8Array {
  return Uint8Array.of(families[family], 0, 0, 0);
}

/** The type of a message, NFT_MSG_*, as nfnetlink carries it. */
export function messageType(type: number): number {
  return (subsystem << 8) | type;
}

function changeElements(
  table: TableName,
  elements: readonly SetElement[],
  verb: 'add' | 'delete',
  type: number,
  flags: number,
): Message[] {
  const messages: Message[] = [];
  for (let start = 0; start < elements.length; start += elementsPerMessage) {
    const part = elements.slice(start, start + elementsPerMessage);
    const [first] = part;
    if (first === undefined) break;
    const more = part.length === 1 ? '' : `, and ${part.length - 1} more`;
    messages.push({
      type: messageType(type),
      flags,
      body: elementList(
        table,
        first.set,
        part.map((element) => ({ ...encodeElement(element), comment: element.comment })),
      ),
      doing: `${verb} nft element ${table.family} ${table.name} ${first.set.name} { ${formatElement(first)}${more} }`,
    });
  }
  return messages;
}

interface EncodedElement {
  readonly key: Uint8Array;
  readonly keyEnd?: Uint8Array;
  readonly data?: Uint8Array;
  readonly comment?: string | undefined;
}

function elementList(table: TableName, set: SetSchema, elements: readonly EncodedElement[]): Uint8Array {
  const writer = new MessageWriter(header(table.family))
    .string(listAttribute.table, table.name)
    .string(listAttribute.set, set.name);
  if (elements.length > 0) {
    writer.nested(listAttribute.elements, (list) => {
      for (const element of elements) list.nested(listItem, (item) => writeElement(item, element));
    });
  }
  return writer.body;
}

function writeElement(item: MessageWriter, { key, keyEnd, data, comment }: EncodedElement): void {
  const value = (type: number, bytes: Uint8Array | undefined) => {
    if (bytes !== undefined) item.nested(type, (inner) => inner.bytes(dataValue, bytes));
  };
  value(elementAttributes.key, key);
  value(elementAttributes.keyEnd, keyEnd);
  value(elementAttributes.data, data);
  if (comment !== undefined) item.bytes(elementAttributes.userdata, encodeComment(comment));
}

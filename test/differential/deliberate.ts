/** One message of the server as it is compared: its type and its fields. */
export interface Answered {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Answers {
  readonly direct: readonly Answered[];
  readonly proxied: readonly Answered[];
}

export interface Deliberate {
  readonly name: string;
  /** Why it has to be so. docs/limits.md tells the users. */
  readonly why: string;
  /** Both answers without this difference, or as they are where it is not there. */
  readonly settle: (answers: Answers) => Answers;
}

/**
 * Everything in which the proxy's answers may differ from the server's when policy allows all. Nothing else is taken as equal: process ids
 * and cancel keys belong to one connection and are left out before.
 */
export const DELIBERATE: readonly Deliberate[] = [
  {
    name: 'no notices of a text that does not parse',
    why: 'the text is never sent to the server, whose scanner would say which names it cuts, and which backslashes mean something, before it finds the fault',
    settle: ({ direct, proxied }) => ({
      proxied,
      direct: direct.filter((answer, i) => {
        if (answer.type !== 'N' || !SCANNER_NOTICES.has(String(answer.R))) return true;
        const next = direct.slice(i).find(other => other.type !== 'N');
        return next?.type !== 'E' || !NOT_SENT.has(String(next.R));
      }),
    }),
  },
  {
    name: 'no last words to one who has gone',
    why: 'Terminate in the middle of a COPY ends the session at once; the server would complain to a client that does not listen',
    settle: ({ direct, proxied }) => {
      const at = direct.findIndex(a => /message type 0x58 during COPY/.test(String(a.M)));
      const same = at >= 0 && proxied[at]?.type === 'close' && direct.at(-1)?.type === 'close';
      return same ? { direct: [...direct.slice(0, at), direct.at(-1)!], proxied } : { direct, proxied };
    },
  },
  {
    name: 'a last word before a length that cannot be',
    why: 'whoever sends a length that no message has cannot be understood any further; the server closes without a word, the proxy says why',
    settle: ({ direct, proxied }) => {
      const last = proxied.at(-2);
      const said = last?.S === 'FATAL' && /^message of type .* (length|bytes)/.test(String(last.M));
      const closes = direct.at(-1)?.type === 'close' && direct.at(-2)?.S !== 'FATAL';
      return said && closes
        ? { direct, proxied: [...proxied.slice(0, -2), ...proxied.slice(-1)] }
        : { direct, proxied };
    },
  },
  {
    name: 'another error for the unnamed portal of a query that failed',
    why: 'inside a failed transaction the server still has the portal of the simple query that failed, which nobody bound, and refuses its Execute for the transaction; the proxy knows of no such portal',
    settle: answers => {
      let { direct, proxied } = answers;
      for (let i = 0; i < proxied.length; i++) {
        if (proxied[i]!.M !== 'portal "" does not exist' || direct[i]?.C === '34000') continue;
        const failed = proxied.slice(0, i).findLast(other => other.type === 'Z')?.said === 'E';
        const toReady = (all: readonly Answered[]) =>
          all.findIndex((other, at) => at > i && other.type === 'Z');
        if (!failed || (direct[i]?.type !== 'n' && direct[i]?.C !== '25P02')) continue;
        direct = [...direct.slice(0, i), ...direct.slice(toReady(direct))];
        proxied = [...proxied.slice(0, i), ...proxied.slice(toReady(proxied))];
      }
      return { direct, proxied };
    },
  },
  {
    name: 'no line in the source',
    why: 'where nothing could be sent to the server the proxy answers, and does not know the line of all that the grammar of each version refuses',
    settle: inPairs(
      (direct, proxied) => direct.type === 'E' && proxied.type === 'E' && !('L' in proxied),
      ({ L: _line, ...rest }) => rest as Answered,
    ),
  },
];

const SCANNER_NOTICES = new Set([
  'truncate_identifier',
  'check_string_escape_warning',
  'check_escape_warning',
]);
/** Routines that find a fault in a text before any of it runs. */
const NOT_SENT = new Set([
  'scanner_yyerror',
  'core_yylex',
  'base_yyparse',
  'report_invalid_encoding',
  'report_invalid_encoding_int',
  'exec_parse_message',
]);

/** For a difference in one message: where it is there, both sides become what `without` makes of theirs. */
function inPairs(
  differs: (direct: Answered, proxied: Answered) => boolean,
  without: (answer: Answered) => Answered,
): Deliberate['settle'] {
  return ({ direct, proxied }) => {
    const there = direct.map((answer, i) => proxied[i] !== undefined && differs(answer, proxied[i]));
    const settled = (answers: readonly Answered[]) => answers.map((a, i) => (there[i] ? without(a) : a));
    return { direct: settled(direct), proxied: settled(proxied) };
  };
}

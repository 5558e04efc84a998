/** What the server adds to a syntax error of its own, and its parser as a library does not tell. */
export interface SyntaxAdvice {
  readonly hint?: string;
  readonly detail?: string;
}

/** By the beginning of the message: gram.y and scan.l give no other hint or detail with an ERROR that UTF-8 and standard strings allow. */
const ADVICE: readonly (readonly [string, SyntaxAdvice])[] = [
  ['LIMIT #,# syntax', { hint: 'Use separate LIMIT and OFFSET clauses.' }],
  ['missing argument', { hint: 'Use NONE to denote the missing argument of a unary operator.' }],
  [
    'UNENCRYPTED PASSWORD is no longer',
    { hint: 'Remove UNENCRYPTED to store the password in encrypted form instead.' },
  ],
  [
    'unrecognized row security option',
    { hint: 'Only PERMISSIVE or RESTRICTIVE policies are supported currently.' },
  ],
  [
    'invalid publication object list',
    {
      detail: 'One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name.',
    },
  ],
];

/** `file`: the server's source that found the fault; two of them have the same message. */
export function syntaxAdvice(message: string, file: string | undefined): SyntaxAdvice {
  if (message === 'invalid Unicode escape')
    return {
      hint:
        file === 'scan.l'
          ? 'Unicode escapes must be \\uXXXX or \\UXXXXXXXX.'
          : 'Unicode escapes must be \\XXXX or \\+XXXXXX.',
    };
  return ADVICE.find(([beginning]) => message.startsWith(beginning))?.[1] ?? {};
}

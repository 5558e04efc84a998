/** Fields that hold no data: severity, and the position in the agent's own text. */
const PLAIN = new Set(['S', 'V', 'P']);
/**
 * Where in the server's sources it was raised. One SQLSTATE is raised in many places, and an expression may choose among them: they are told
 * only of a plan whose columns have changed, by which drivers know that they have to prepare anew.
 */
const SOURCE = new Set(['F', 'L', 'R']);
const PLANS_FILE = 'plancache.c';
/** Names of schema, table, column. */
const NAMES = new Set(['s', 't', 'c']);
const CONSTRAINT = 'n';
/**
 * The server's sources that fill the name fields from the catalog, so that they hold names and nothing else. RAISE … USING
 * CONSTRAINT puts any text into them, from pl_exec.c. A domain is named by whoever casts to it, and each of its checks may ask for another
 * value: the files that tell of these are not here.
 */
const NAMING_FILES = new Set([
  'execIndexing.c',
  'execMain.c',
  'heap.c',
  'nbtinsert.c',
  'ri_triggers.c',
  'tablecmds.c',
]);
/** Keys and foreign keys: which of them does not hold is which rows there are. */
const KEYS = new Set(['23503', '23505']);
/** Here a function's text, or another server, chooses the SQLSTATE, and could spell a value with it. */
const CHOOSING_FILES = new Set([
  'connection.c',
  'dblink.c',
  'pl_exec.c',
  'plperl.c',
  'plpy_elog.c',
  'plpy_plpymodule.c',
  'pltcl.c',
]);
const RAISED = 'P0001';
/** What ends a statement: of all others there may be many. */
const FAILING = new Set(['ERROR', 'FATAL', 'PANIC']);

/** Titles of the classes. Source: manual, appendix A. */
const CLASSES: Readonly<Record<string, string>> = {
  '00': 'message',
  '01': 'warning',
  '02': 'no data',
  '03': 'SQL statement not yet complete',
  '08': 'connection exception',
  '09': 'triggered action exception',
  '0A': 'feature not supported',
  '0B': 'invalid transaction initiation',
  '0F': 'locator exception',
  '0L': 'invalid grantor',
  '0P': 'invalid role specification',
  '0Z': 'diagnostics exception',
  '10': 'XQuery error',
  '20': 'case not found',
  '21': 'cardinality violation',
  '22': 'data exception',
  '23': 'integrity constraint violation',
  '24': 'invalid cursor state',
  '25': 'invalid transaction state',
  '26': 'invalid SQL statement name',
  '27': 'triggered data change violation',
  '28': 'invalid authorization specification',
  '2B': 'dependent privilege descriptors still exist',
  '2D': 'invalid transaction termination',
  '2F': 'SQL routine exception',
  '34': 'invalid cursor name',
  '38': 'external routine exception',
  '39': 'external routine invocation exception',
  '3B': 'savepoint exception',
  '3D': 'invalid catalog name',
  '3F': 'invalid schema name',
  '40': 'transaction rollback',
  '42': 'syntax error or access rule violation',
  '44': 'WITH CHECK OPTION violation',
  '53': 'insufficient resources',
  '54': 'program limit exceeded',
  '55': 'object not in prerequisite state',
  '57': 'operator intervention',
  '58': 'system error',
  F0: 'configuration file error',
  HV: 'foreign data wrapper error',
  P0: 'PL/pgSQL error',
  XX: 'internal error',
};

type Fields = readonly (readonly [string, string])[];

/** Whether the name of this constraint says nothing of protected values. */
export type ToldConstraint = (schema: string, table: string, constraint: string) => boolean;

const NONE: ToldConstraint = () => false;

/**
 * The fields of an ErrorResponse or NoticeResponse as the agent gets them while a protected relation is in scope. The message, its
 * detail, hint, context and internal query can quote values (`invalid input syntax for type integer: "…"`), so they are
 * withheld; fields that this list does not know are dropped. SQLSTATE stays, because drivers act on it.
 * Source: manual 54.8 "Error and Notice Message Fields".
 */
export function redactFields(fields: Fields, told?: ToldConstraint): [string, string][];
export function redactFields(fields: ReadonlyMap<string, string>, told?: ToldConstraint): Map<string, string>;
export function redactFields(
  fields: Fields | ReadonlyMap<string, string>,
  told = NONE,
): [string, string][] | Map<string, string> {
  return fields instanceof Map ? new Map(redact([...fields], told)) : redact(fields as Fields, told);
}

function redact(fields: Fields, told: ToldConstraint): [string, string][] {
  const field = (...codes: readonly string[]) =>
    codes.map(of => fields.find(([code]) => code === of)?.[1]).find(value => value !== undefined) ?? '';
  const file = field('F');
  const given = field('C');
  const severity = field('V', 'S');
  // RAISE may say the same as INFO or as WARNING, and spell a value with the two.
  const spelled = CHOOSING_FILES.has(file) && !FAILING.has(severity);
  const sqlstate = spelled ? RAISED : trusted(given, file);
  const named = NAMING_FILES.has(file);
  const constrained = named && (KEYS.has(sqlstate) || told(field('s'), field('t'), field(CONSTRAINT)));
  const kept: [string, string][] = [];
  for (const [code, value] of fields) {
    if (code === 'M') kept.push(['M', sentence(sqlstate)]);
    else if (code === 'C') kept.push(['C', sqlstate]);
    else if (spelled && (code === 'S' || code === 'V')) kept.push([code, 'NOTICE']);
    else if (
      PLAIN.has(code) ||
      (NAMES.has(code) && named) ||
      (code === CONSTRAINT && constrained) ||
      (SOURCE.has(code) && file === PLANS_FILE)
    )
      kept.push([code, value]);
  }
  return kept;
}

/** The SQLSTATE, where no function's text can have chosen it; classes of no manual are nobody's. */
function trusted(sqlstate: string, file: string): string {
  if (!/^[0-9A-Z]{5}$/.test(sqlstate)) return 'XX000';
  return CHOOSING_FILES.has(file) || CLASSES[sqlstate.slice(0, 2)] === undefined ? RAISED : sqlstate;
}

function sentence(sqlstate: string): string {
  return `details withheld: protected columns are in scope (SQLSTATE ${sqlstate}, ${CLASSES[sqlstate.slice(0, 2)]})`;
}

/** The payload of a NotificationResponse while a protected relation is in scope. */
export function redactPayload(payload: string): string {
  return payload === '' ? '' : '***';
}

import type { HoldpointError } from '#schemas/errors.ts';

/** Lines in Postgres 13, 14, … 18, in the newest minor version of each that was there to ask; 0 where it says it elsewhere. */
type Lines = readonly number[];
const FIRST_MAJOR = 13;

/**
 * On which line of its source the server raises what is said here in its stead, by routine and by how the message begins. A test compares them with
 * the servers. What the grammar itself refuses besides syntax errors has none here.
 */
const LINES: Readonly<Record<string, readonly (readonly [begins: string | RegExp, lines: Lines])[]>> = {
  exec_simple_query: [['', [1072, 1048, 1085, 1144, 1145, 1140]]],
  exec_parse_message: [
    ['cannot insert', [1408, 1384, 1421, 1480, 1481, 1475]],
    ['current transaction is aborted', [1431, 1407, 1443, 1502, 1503, 1497]],
  ],
  exec_bind_message: [
    ['bind message has', [1668, 1656, 1671, 1730, 1731, 1725]],
    ['bind message supplies', [1674, 1662, 1677, 1736, 1737, 1731]],
    ['current transaction is aborted', [1692, 1680, 1695, 1754, 1755, 1749]],
    ['unnamed', [1626, 1603, 1618, 1677, 1678, 1672]],
    ['unsupported', [0, 1888, 1903, 1961, 1958, 1952]],
  ],
  exec_execute_message: [
    ['current transaction is aborted', [2134, 2161, 2176, 2240, 2237, 2254]],
    ['portal', [2042, 2058, 2073, 2135, 2132, 2138]],
  ],
  exec_describe_portal_message: [
    ['current transaction is aborted', [2597, 2673, 2687, 2756, 2752, 2768]],
    ['portal', [2581, 2657, 2671, 2740, 2736, 2752]],
  ],
  PostgresMain: [
    ['invalid CLOSE', [4529, 4704, 4789, 4868, 4914, 4913]],
    ['invalid DESCRIBE', [4564, 4739, 4824, 4905, 4951, 4950]],
  ],
  SocketBackend: [['', [478, 449, 448, 467, 468, 456]]],
  ProcessInterrupts: [['canceling statement due to statement', [3164, 3307, 3321, 3396, 3408, 3446]]],
  FetchPreparedStatement: [['', [493, 488, 454, 454, 451, 454]]],
  PerformPortalFetch: [['', [195, 189, 189, 189, 189, 199]]],
  DropErrorMsgNonExistent: [
    ['schema', [1201, 1246, 1287, 1294, 1404, 1474]],
    ['', [1220, 1265, 1306, 1313, 1423, 1493]],
  ],
  RangeVarGetRelidExtended: [
    [/^relation "[^"]*\./, [430, 431, 431, 432, 634, 634]],
    ['relation', [435, 436, 436, 437, 639, 639]],
  ],
  get_namespace_oid: [['schema', [3056, 3101, 3101, 3098, 3547, 3547]]],
  CreatePortal: [['', [187, 187, 188, 188, 187, 187]]],
  pq_copymsgbytes: [['', [535, 535, 535, 536, 533, 533]]],
  pq_getmsgbyte: [['', [406, 406, 406, 407, 404, 404]]],
  pq_getmsgbytes: [['', [0, 517, 517, 518, 515, 515]]],
  pq_getmsgend: [['', [642, 642, 642, 643, 640, 640]]],
  pq_getmsgstring: [['', [597, 597, 597, 598, 595, 595]]],
  report_invalid_encoding_int: [['', [0, 1802, 1802, 1860, 1853, 1853]]],
  SendFunctionResult: [['', [180, 106, 106, 107, 107, 106]]],
  check_unicode_value: [['', [0, 0, 0, 0, 0, 347]]],
  str_udeescape: [
    ['invalid Unicode escape', [450, 469, 469, 495, 495, 495]],
    ['invalid Unicode surrogate', [0, 0, 0, 0, 0, 525]],
  ],
  core_yylex: [
    ['invalid Unicode escape', [679, 679, 686, 718, 718, 704]],
    ["unsafe use of '", [691, 691, 698, 730, 730, 716]],
    ['unsafe use of string', [0, 0, 0, 0, 0, 569]],
  ],
};

const AT_END: Lines = [1172, 1172, 1184, 1240, 1240, 1232];
const NEAR: Lines = [1180, 1180, 1192, 1248, 1248, 1240];

/** Field L of an error; undefined where it is not known. */
export function lineOf(major: number, { source, message }: HoldpointError): string | undefined {
  if (source === undefined) return undefined;
  const lines =
    source.routine === 'scanner_yyerror'
      ? message.endsWith(' at end of input')
        ? AT_END
        : NEAR
      : find(source.routine, message);
  const line = lines?.[major - FIRST_MAJOR] ?? 0;
  return line === 0 ? undefined : String(line);
}

function find(routine: string, message: string): Lines | undefined {
  const says = (begins: string | RegExp) =>
    typeof begins === 'string' ? message.startsWith(begins) : begins.test(message);
  return LINES[routine]?.find(([begins]) => says(begins))?.[1];
}

import { HoldpointError } from '#schemas/errors.ts';

/** Names that mean something else where the packet itself gives them; as settings there are none of them. */
const OF_THE_PACKET = new Set(['user', 'database', 'options', 'replication']);

/**
 * The settings of the start-up packet's `options`: `-c name=value --name=value`, and the switches for the planner and for dates, in the server's
 * order. Faults are told in its words. Source: pg_split_opts, process_postgres_switches and ParseLongOption of the server.
 */
export function splitOptions(options: string): [string, string][] {
  const words = wordsOf(options);
  const settings: [string, string][] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const way = word.slice(0, 2);
    if (way !== '-c' && (way !== '--' || word === '--'))
      throw new HoldpointError('unsupported', `start-up option ${word.slice(0, 63)} is not supported`);
    const said = way === '-c' && word === '-c' ? (words[++i] ?? '') : word.slice(2);
    const equals = said.indexOf('=');
    if (equals < 0)
      throw new HoldpointError('syntax', `${way}${way === '-c' ? ' ' : ''}${said} requires a value`, {
        source: { file: 'postgres.c', routine: 'process_postgres_switches' },
      });
    const name = said.slice(0, equals).replaceAll('-', '_');
    if (name === '' || OF_THE_PACKET.has(name)) throw unrecognized(name);
    // In the packet, as which settings are sent on, it would be one of the protocol.
    if (name.startsWith('_pq_.'))
      throw new HoldpointError('unsupported', `start-up option ${name.slice(0, 63)} is not supported`);
    settings.push([name, said.slice(equals + 1)]);
  }
  return settings;
}

/** A backslash takes the next character as it is. */
function wordsOf(options: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < options.length; i++) {
    const c = options[i]!;
    if (' \t\n\v\f\r'.includes(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (c === '\\') word = (word ?? '') + (options[++i] ?? '');
    else word = (word ?? '') + c;
  }
  if (word !== null) words.push(word);
  return words;
}

function unrecognized(name: string): HoldpointError {
  return new HoldpointError('startup_setting', `unrecognized configuration parameter "${name}"`, {
    sqlstate: '42704',
    source: { file: 'guc.c', routine: 'assignable_custom_variable_name' },
  });
}

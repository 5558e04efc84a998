import { HoldpointError } from '#schemas/errors.ts';

/** Names that mean something else where the packet itself gives them; as settings there are none of them. */
const OF_THE_PACKET = new Set(['user', 'database', 'options', 'replication']);

/** Switches that take a value: the rest of their word, or the next word. Source: the server's call of getopt in process_postgres_switches. */
const WITH_VALUE = 'BCcDdfhkNprStvW-';
/** Switches that are a setting by themselves. */
const ALONE: Readonly<Record<string, readonly [string, string]>> = {
  e: ['datestyle', 'euro'],
  F: ['fsync', 'false'],
  i: ['listen_addresses', '*'],
  l: ['ssl', 'true'],
  O: ['allow_system_table_mods', 'true'],
  P: ['ignore_system_indexes', 'true'],
  s: ['log_statement_stats', 'true'],
};
/** And those whose value is a setting's. */
const NAMED: Readonly<Record<string, string>> = {
  B: 'shared_buffers',
  h: 'listen_addresses',
  k: 'unix_socket_directories',
  N: 'max_connections',
  p: 'port',
  S: 'work_mem',
  W: 'post_auth_delay',
};
/** The server reads these, and does nothing where they come from an agent. */
const IDLE = 'bCDEjnrTv';
/** What -f turns off. Source: set_plan_disabling_options. */
const PLANS: Readonly<Record<string, string>> = {
  s: 'enable_seqscan',
  i: 'enable_indexscan',
  o: 'enable_indexonlyscan',
  b: 'enable_bitmapscan',
  t: 'enable_tidscan',
  n: 'enable_nestloop',
  m: 'enable_mergejoin',
  h: 'enable_hashjoin',
};

/**
 * The settings of the start-up packet's `options`, in the server's order: `-c name=value --name=value`, and the old switches, each of which is a
 * setting. Faults are told in its words. Source: pg_split_opts, process_postgres_switches and ParseLongOption of the server.
 */
export function splitOptions(options: string): [string, string][] {
  const words = wordsOf(options);
  const settings: [string, string][] = [];
  const others: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--') {
      others.push(...words.slice(i + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      others.push(word);
      continue;
    }
    for (let at = 1; at < word.length; at++) {
      const flag = word[at]!;
      const last = at === word.length - 1;
      // Where a word has more behind it, the server's place is still before that.
      const blamed = last ? word : (words[i - 1] ?? 'postgres');
      if (!WITH_VALUE.includes(flag)) {
        const setting = ALONE[flag];
        if (setting !== undefined) settings.push([...setting]);
        else if (!IDLE.includes(flag)) throw invalid(blamed);
        continue;
      }
      const value = last ? words[++i] : word.slice(at + 1);
      if (value === undefined) throw invalid(word);
      settings.push(...settingsOf(flag, value, words[i]!));
      break;
    }
  }
  if (others.length > 0) throw invalid(others[0]!);
  return settings;
}

function settingsOf(flag: string, value: string, word: string): [string, string][] {
  const name = NAMED[flag];
  if (name !== undefined) return [[name, value]];
  switch (flag) {
    case 'c':
    case '-':
      return [assigned(flag, value)];
    case 'd':
      return debugging(Number.parseInt(value, 10) || 0);
    case 'f': {
      const plan = PLANS[value[0] ?? ''];
      if (plan === undefined) throw invalid(word);
      return [[plan, 'false']];
    }
    case 't': {
      const stats = /^pa/.test(value)
        ? 'parser'
        : /^pl/.test(value)
          ? 'planner'
          : value[0] === 'e'
            ? 'executor'
            : null;
      if (stats === null) throw invalid(word);
      return [[`log_${stats}_stats`, 'true']];
    }
    default:
      return [];
  }
}

/** Source: set_debug_options. */
function debugging(level: number): [string, string][] {
  const settings: [string, string][] = [['log_min_messages', level > 0 ? `debug${level}` : 'notice']];
  if (level >= 2) settings.push(['log_statement', 'all']);
  if (level >= 3) settings.push(['debug_print_parse', 'true']);
  if (level >= 4) settings.push(['debug_print_plan', 'true']);
  if (level >= 5) settings.push(['debug_print_rewritten', 'true']);
  return settings;
}

/** name=value, with hyphens for underscores. */
function assigned(flag: string, said: string): [string, string] {
  const equals = said.indexOf('=');
  if (equals < 0)
    throw new HoldpointError('syntax', `${flag === 'c' ? '-c ' : '--'}${said} requires a value`, {
      source: { file: 'postgres.c', routine: 'process_postgres_switches' },
    });
  const name = said.slice(0, equals).replaceAll('-', '_');
  if (name === '' || OF_THE_PACKET.has(name)) throw unrecognized(name);
  // In the packet, as which settings are sent on, it would be one of the protocol.
  if (name.startsWith('_pq_.'))
    throw new HoldpointError('unsupported', `start-up option ${name.slice(0, 63)} is not supported`);
  return [name, said.slice(equals + 1)];
}

function invalid(word: string): HoldpointError {
  return new HoldpointError('syntax', `invalid command-line argument for server process: ${word}`, {
    hint: 'Try "postgres --help" for more information.',
    source: { file: 'postgres.c', routine: 'process_postgres_switches' },
  });
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

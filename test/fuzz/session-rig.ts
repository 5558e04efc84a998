import type { Catalog } from '#proxy/catalog/load.ts';
import { analyse, withBody } from '#proxy/policy/analyse.ts';
import { analyseCall } from '#proxy/policy/analyse-call.ts';
import { definitionsOf } from '#proxy/policy/definitions.ts';
import { analyseLate, analyseTypes } from '#proxy/policy/late.ts';
import type { Recorder } from '#proxy/ports.ts';
import { Session } from '#proxy/session/session.ts';
import type { AuditBody } from '#schemas/audit.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { loneParts } from '#test/support/lone-session.ts';
import * as raw from '#test/support/raw/messages.ts';
import { mutate, pieces, type Random } from './random.ts';
import { ScriptedServer } from './server.ts';
import { WireEnd } from './wire-ends.ts';

const TEXTS = [
  'select 1',
  'select id, ssn from people',
  'begin',
  'commit',
  'rollback',
  'savepoint a; rollback to a',
  "set search_path = 'public'",
  'show search_path',
  'prepare s as select id, ssn from people',
  'execute s',
  'deallocate s',
  'declare c cursor for select ssn from people',
  'fetch all from c',
  'copy people from stdin',
  'delete from people where id = 1',
  "update people set name = 'x'; select 1",
  'select public.unheard_of()',
  'create table people_2 (id integer)',
  '',
  'select',
  '/* */;',
  'do $$ begin null; end $$',
];
const NAMES = ['', 's', 'p'];
const ODD_NAMES = ['n'.repeat(63), 'n'.repeat(64), '_holdpoint', 'ä'];

/** A conversation of an agent: lawful messages in a random order. */
export function conversation(random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let left = 1 + random.below(10); left > 0; left--) {
    const sql = random.pick(TEXTS);
    const name = random.chance(40) ? random.pick(ODD_NAMES) : random.pick(NAMES);
    switch (random.below(16)) {
      case 12:
      case 13:
      case 14:
        parts.push(
          raw.parse({ name, sql }),
          raw.bind({ statement: name, portal: name }),
          raw.execute(name, random.below(2)),
        );
        if (random.chance(2)) parts.push(raw.sync());
        break;
      case 0:
      case 1:
        parts.push(raw.query(sql));
        break;
      case 2:
      case 3:
        parts.push(raw.parse({ name, sql, types: random.chance(4) ? [23] : [] }));
        break;
      case 4:
      case 5:
        parts.push(
          raw.bind({
            statement: name,
            portal: random.pick(NAMES),
            values: random.chance(4) ? ['1', null] : [],
            resultFormats: random.chance(3) ? [random.below(2)] : [],
          }),
        );
        break;
      case 6:
        parts.push(raw.execute(random.pick(NAMES), random.below(3)));
        break;
      case 7:
        parts.push(raw.describe(random.pick(['statement', 'portal']), name));
        break;
      case 8:
        parts.push(raw.close(random.pick(['statement', 'portal']), name));
        break;
      case 9:
        parts.push(
          random.pick([
            raw.flush(),
            raw.copyData('1\tx\n'),
            raw.copyDone(),
            raw.copyFail('x'),
            raw.functionCall(random.pick([16384, 1299]), ['x']),
            raw.terminate(),
          ]),
        );
        break;
      default:
        parts.push(raw.sync());
    }
  }
  parts.push(raw.sync());
  const whole = Buffer.concat(parts);
  return random.chance(2) ? mutate(random, whole) : whole;
}

const OWN = /^(SHOW \w+|SET default_transaction_read_only = (on|off)|holdpoint refused a statement here)$/;
const MOST_TURNS = 2_000;

/** What is wrong with one session, after all of `bytes`; null when nothing is. `hostile`: the server lies too. */
export async function fuzzSession(
  catalog: Catalog,
  oid: number,
  random: Random,
  bytes: Buffer,
  hostile: boolean,
): Promise<string | null> {
  const server = new ScriptedServer(random, hostile, oid);
  const toAgent: Buffer[] = [];
  const toSession: Buffer[] = [];
  const statements = new Map<number, AuditBody<'statement'>>();
  const forwarded = new Set<number>();
  let problem: string | null = null;
  let closed = 0;
  let ticket = 0;
  const recorder: Recorder = {
    append(_session, kind, body) {
      if (kind === 'statement')
        statements.set((body as AuditBody<'statement'>).n, body as AuditBody<'statement'>);
      if (kind === 'forward') forwarded.add((body as AuditBody<'forward'>).n);
      return ++ticket;
    },
    get durable() {
      return ticket;
    },
    backlog: 0,
    whenDurable: (_ticket, done) => done(null),
    close: () => Promise.resolve(),
  };
  const client = new WireEnd(sent => toAgent.push(Buffer.from(sent)));
  const upstream = new WireEnd(sent => {
    const said = server.take(sent);
    if (said.length > 0) toSession.push(said);
  });
  new Session({
    ...loneParts(catalog),
    session: 'fuzz',
    principal: { issuer: 'dev', subject: 'fuzz', groups: [], expires: 4e9 },
    recorder,
    now: () => 0,
    client: client.duplex,
    upstream: upstream.duplex,
    target: 'fuzz',
    database: 'fuzz',
    role: 'fuzz',
    user: 'fuzz',
    policyVersion: '',
    analyse: (text, path, types) => analyse(text, catalog, path, types),
    analyseLate: (left, path) => analyseLate(left, catalog, path, 'standard'),
    analyseTypes: (types, casts, { searchPath }) =>
      analyseTypes(types, casts, catalog, searchPath, 'standard'),
    analyseCall: (called, path) => analyseCall(called, catalog, path),
    definitions: of => definitionsOf(catalog, of),
    decide: list =>
      list.every(
        s => s.refusal === null && (s.effects.readOnly || s.effects.commands.every(c => c === 'set')),
      )
        ? { kind: 'allow', rule: 'reads' }
        : { kind: 'deny', rule: 'default', message: 'no' },
    withBody,
    closed: () => closed++,
    log: (message, error) => {
      // The hostile server makes sessions end with `internal`; anything that is not of the proxy's own making is a crash.
      if (error !== undefined && !(error instanceof HoldpointError))
        problem ??= `${message}: ${(error as Error).stack}`;
    },
  });
  let turns = 0;
  const settle = async () => {
    for (;;) {
      await null;
      await null;
      const said = toSession.shift();
      if (said === undefined) break;
      if (++turns > MOST_TURNS) {
        problem ??= 'it does not come to an end';
        break;
      }
      for (const piece of pieces(random, said)) upstream.emit('data', Buffer.from(piece));
    }
  };
  try {
    for (const piece of pieces(random, bytes)) {
      client.emit('data', Buffer.from(piece));
      if (random.chance(2)) await settle();
    }
    await settle();
    client.emit('close');
    await settle();
    upstream.emit('close');
    await settle();
  } catch (error) {
    return `thrown: ${(error as Error).stack}`;
  }
  if (problem !== null) return problem;
  // What a lying server says of its columns cannot be checked; one that tells the truth is masked.
  const told = !hostile && Buffer.concat(toAgent).includes('SECRET') ? 'a protected value was told' : null;
  if (closed !== 1) return `closed was told ${closed} times`;
  return server.fault ?? unaccounted(server, statements, forwarded) ?? told;
}

/** Something that reached the server and that the record does not account for. */
function unaccounted(
  server: ScriptedServer,
  statements: ReadonlyMap<number, AuditBody<'statement'>>,
  forwarded: ReadonlySet<number>,
): string | null {
  const released = [...statements.values()].filter(s => forwarded.has(s.n) && s.verdict === 'allow');
  const texts = new Set(released.map(s => s.text));
  const recorded = new Set([...statements.values()].map(s => s.text));
  const refused = new Set([...statements.values()].filter(s => s.verdict === 'deny').map(s => s.text));
  let binds = released.filter(s => s.protocol === 'bind' || s.protocol === 'function').length;
  for (const { type, body } of server.messages) {
    // A type alone, with which the server ends a COPY that an agent has broken.
    if (body.length === 0) continue;
    if (!'QPBDECHSXdcfF'.includes(type)) return `a message of type ${JSON.stringify(type)} was forwarded`;
    const first = body.toString('utf8', 0, Math.max(0, body.indexOf(0)));
    if (type === 'Q' && !OWN.test(first) && !texts.has(first))
      return `a Query was forwarded without record: ${body.toString('hex')}`;
    if (type === 'P' && !first.startsWith('_holdpoint')) {
      const at = body.indexOf(0) + 1;
      const text = body.toString('utf8', at, body.indexOf(0, at));
      // What EXECUTE and FETCH are depends on when they are asked.
      if (/^(execute|fetch)/.test(text)) continue;
      if (!OWN.test(text) && !recorded.has(text))
        return `an unrecorded text was parsed: ${JSON.stringify(text)}`;
      if (!OWN.test(text) && !texts.has(text) && refused.has(text))
        return `a refused text was forwarded: ${JSON.stringify(text)}`;
    }
    if (type === 'B' && !first.startsWith('_holdpoint') && --binds < 0)
      return 'a Bind was forwarded without record';
    if (type === 'd' && !released.some(s => /copy/i.test(s.text)))
      return 'COPY data was forwarded without a COPY';
  }
  return null;
}

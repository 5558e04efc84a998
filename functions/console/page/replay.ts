import type { AuditEvent } from '#schemas/audit.ts';
import type { Parameter } from '#schemas/statement.ts';
import type { VerifyReport } from '../../ports.ts';
import { fetchReplay, type Replay } from './api.ts';
import { count, moment, plural, timeOfDay } from './describe.ts';
import { byId, type Child, el, fill } from './dom.ts';
import { statementView } from './statement.ts';

/** The panel with one session's events in order and what checking its chain has shown. */
export function createReplay(report: (fault: unknown) => void) {
  const panel = byId('replay');
  const title = byId('replay-title');
  const status = byId('chain');
  const list = byId('events');
  const more = byId('events-more');
  let current = '';
  let shownEvents = 0;

  const draw = (replay: Replay) => {
    if (replay.report !== null) fill(status, ...chainStatus(replay.report));
    if (replay.report !== null)
      status.className = replay.report.findings.length === 0 ? 'chain good' : 'chain bad';
    for (const event of replay.events) list.append(eventView(event));
    shownEvents += replay.events.length;
    more.hidden = shownEvents >= replay.total;
    fill(more, `Show more (${count(shownEvents)} of ${count(replay.total)} events)`);
  };
  const load = async (session: string, from: number) => {
    try {
      const replay = await fetchReplay(session, from);
      if (session !== current || from !== shownEvents) return; // another one was opened meanwhile
      draw(replay);
    } catch (fault) {
      if (session !== current) return;
      status.className = 'chain bad';
      fill(status, `The replay could not be read: ${(fault as Error).message}`);
      report(fault);
    }
  };
  const open = (session: string) => {
    current = session;
    shownEvents = 0;
    panel.hidden = false;
    fill(title, `Session ${session}`);
    status.className = 'chain';
    fill(status, 'Reading the record and checking its chain…');
    list.replaceChildren();
    more.hidden = true;
    panel.scrollIntoView({ block: 'start' });
    title.focus({ preventScroll: true });
    return load(session, 0);
  };
  more.addEventListener('click', () => void load(current, shownEvents));
  byId('replay-again').addEventListener('click', () => void open(current));
  byId('replay-close').addEventListener('click', () => {
    const session = current;
    current = '';
    panel.hidden = true;
    for (const button of document.querySelectorAll<HTMLElement>('#session-rows button'))
      if (button.dataset.session === session) button.focus();
  });
  return { open };
}

function chainStatus(report: VerifyReport): Child[] {
  if (report.findings.length > 0)
    return [
      el('strong', {}, `Not proven: ${plural(report.findings.length, 'finding')}.`),
      el(
        'ul',
        {},
        ...report.findings.map(one => el('li', {}, el('b', {}, one.fault), ` at ${one.where}: ${one.what}`)),
      ),
    ];
  const checked = `${plural(report.events, 'event')} re-hashed, each holding the hash of the one before.`;
  return report.unsealed === 0
    ? [el('strong', {}, 'Chain proven. '), checked]
    : [
        el('strong', {}, 'Chain intact, not yet sealed. '),
        `${checked} ${plural(report.unsealed, 'entry').replace('entrys', 'entries')} will be sealed by the next signed checkpoint.`,
      ];
}

function eventView(event: AuditEvent): HTMLElement {
  const { kind, body } = event;
  return el(
    'li',
    { class: 'event', 'data-kind': kind },
    el(
      'span',
      { class: 'event-when' },
      el('time', { datetime: event.at }, timeOfDay(event.at)),
      el('span', { class: 'hash' }, `#${event.seq} ${event.hash.slice(0, 8)}`),
    ),
    el('div', { class: 'event-what' }, ...readable(kind, body)),
  );
}

/** A damaged record must still be readable: what does not have its shape is shown as it is. */
function readable(kind: AuditEvent['kind'], body: Body): Child[] {
  try {
    return sentence(kind, body);
  } catch {
    return [el('b', {}, kind), line(JSON.stringify(body))];
  }
}

type Body = AuditEvent['body'];

function sentence(kind: AuditEvent['kind'], body: Body): Child[] {
  const of = (key: string) => text(body[key]);
  switch (kind) {
    case 'session.open':
      return [
        el('b', {}, 'Session opened'),
        ` by ${of('subject')}${body.email ? ` (${of('email')})` : ''} on ${of('target')}, database ${of('database')}, as ${of('role')}${body.readOnly === true ? ', read-only' : ''}`,
        line(`identity from ${of('issuer')}; groups: ${of('groups') || 'none'}; access ${of('access')}`),
        line(
          `credential ${of('credential')}; from ${of('address')}; application ${of('application') || 'unnamed'}`,
        ),
        line(`policy ${of('policyVersion')}`),
      ];
    case 'statement':
      return [
        el('b', {}, `Statement ${of('n')}`),
        ' ',
        el('span', { class: `verdict ${of('verdict')}` }, of('verdict')),
        ` by ${of('rule')}`,
        body.message ? line(of('message')) : null,
        statementView({ text: of('text'), parameters: (body.parameters ?? []) as Parameter[] }),
      ];
    case 'hold':
      return [
        el('b', {}, 'Held'),
        ` by ${of('rules')} until ${moment(of('deadline'))}`,
        line(`approval ${of('approval')}`),
        line(`digest ${of('digest')}`),
      ];
    case 'decision': {
      const signed = record(body.signed);
      const decision = record(signed.decision);
      return [
        el(
          'b',
          {},
          { approve: 'Approved', deny: 'Denied', revoke: 'Revoked' }[text(decision.verdict)] ?? 'Decided',
        ),
        ` by ${text(decision.by)}`,
        decision.reason ? el('q', {}, text(decision.reason)) : null,
        line(
          `${body.verified === true ? 'signature verified' : 'signature NOT verified'}, key ${text(signed.keyId)}`,
        ),
      ];
    }
    case 'hold.end':
      return [el('b', {}, `Hold ended: ${of('state')}`), body.why ? line(of('why')) : null];
    case 'forward':
      return [el('b', {}, 'Forwarded'), ` to the database: statement ${of('n')}`];
    case 'outcome':
      return outcome(body);
    case 'session.close':
      return [el('b', {}, 'Session closed'), ` after ${of('statements')} statements: ${of('reason')}`];
    default:
      return [el('b', {}, kind), line(JSON.stringify(body))];
  }
}

function outcome(body: Body): Child[] {
  const of = (key: string) => text(body[key]);
  const masks = (Array.isArray(body.masks) ? body.masks : []).map(record);
  const took = Number(body.micros ?? 0) / 1000;
  const size = Number(body.rows) > 0 ? `, ${of('rows')} rows, ${of('bytes')} bytes` : '';
  return [
    el('b', {}, `Outcome: ${of('status')}`),
    body.sqlstate ? ` ${of('sqlstate')}` : null,
    body.tag ? ` ${of('tag')}` : null,
    `${size}, ${took.toFixed(took < 10 ? 1 : 0)} ms`,
    masks.length === 0
      ? null
      : line(`masked: ${masks.map(one => `${text(one.column)} (${text(one.mask)})`).join(', ')}`),
    body.result ? line(`result ${of('result')}`) : null,
  ];
}

function line(sentence: string): HTMLElement {
  return el('span', { class: 'line' }, sentence);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  if (Array.isArray(value)) return value.map(text).join(', ');
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

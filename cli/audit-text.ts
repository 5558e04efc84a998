import type { SessionSummary, VerifyReport } from '#functions/ports.ts';
import { type AuditBody, type AuditEvent, type AuditKind, auditBodies } from '#schemas/audit.ts';
import { visible } from './visible.ts';

/** A line per session, newest first. */
export function sessionsText(sessions: readonly SessionSummary[]): string {
  if (sessions.length === 0) return 'no session is recorded\n';
  const rows = sessions.map(s => [
    s.session,
    time(s.openedAt),
    s.closedAt === null ? 'open' : time(s.closedAt),
    s.email ?? s.subject,
    `${s.target} as ${s.role}`,
    count(s.statements, 'statement'),
    s.held === 0 ? '' : `${s.held} held`,
    s.refused === 0 ? '' : `${s.refused} refused`,
  ]);
  return table(rows.map(row => row.map(cell => visible(cell))));
}

/** Every event with its number, time, kind, hash and body. */
export function showText(events: readonly AuditEvent[]): string {
  return events
    .map(({ seq, at, kind, hash, body }) => {
      const members = Object.entries(body).map(([key, value]) => {
        const text =
          typeof value === 'string' ? visible(value, { lines: true }) : visible(JSON.stringify(value));
        return `    ${visible(key)}: ${indent(text, 6)}\n`;
      });
      return `${seq}  ${at}  ${kind}  ${hash.slice(0, 16)}…\n${members.join('')}`;
    })
    .join('');
}

/** The session as a story: what was asked, what was said to it, who decided, what came of it. */
export function replayText(events: readonly AuditEvent[]): string {
  return events.map(event => `${event.at.slice(11, 23)}  ${indent(tell(event), 14)}\n`).join('');
}

/** What is proven, and each finding. `keyFromExport`: the key came with what it is to prove. */
export function reportText(proof: VerifyReport, keyFromExport: boolean): string {
  const { sessions, events, checkpoints, unsealed, findings } = proof;
  const size = `${count(events, 'event')} of ${count(sessions, 'session')}, ${count(checkpoints, 'checkpoint')}`;
  const lines = findings.map(f => `  ${f.fault}  ${visible(f.where)}: ${visible(f.what)}`);
  if (unsealed > 0)
    lines.push(
      `  unsealed  the last ${count(unsealed, 'event')}: no checkpoint that fits covers ${unsealed === 1 ? 'it' : 'them'}`,
    );
  if (lines.length > 0) return `NOT PROVEN (${size})\n${lines.join('\n')}\n`;
  const note = keyFromExport
    ? '  The key is the one in the export itself: compare it with one that you got another way, or give that with --key.\n'
    : '';
  return `proven: ${size}\n  Every hash was computed anew; every chain is whole; every checkpoint is signed and fits.\n${note}`;
}

function tell({ kind, body, seq }: AuditEvent): string {
  if (!auditBodies[kind].safeParse(body).success) return `event ${seq} is no ${kind}: verify the log`;
  const teller = tellers[kind] as (body: AuditEvent['body']) => string;
  return visible(teller(body), { lines: true });
}

const tellers: { readonly [K in AuditKind]: (body: AuditBody<K>) => string } = {
  'session.open': b =>
    `${b.email ?? b.subject} (${b.issuer}) opens ${b.target} as ${b.role}${b.readOnly ? ', read-only' : ''}\n` +
    `from ${b.address}${b.arrival === undefined ? '' : ` ${way(b.arrival)}`}, ${b.application === '' ? 'no application name' : b.application}; access ${b.access}, policy ${b.policyVersion}`,
  statement: b => {
    const values = b.parameters.map(
      (p, i) => `$${i + 1} = ${p.value ?? 'NULL'}${p.format === 'binary' ? ' (base64)' : ''}`,
    );
    const said = b.message === '' ? '' : `: ${b.message}`;
    return [`[${b.n}] ${b.text}`, ...values, `→ ${b.verdict} by ${b.rule}${said}`].join('\n');
  },
  hold: b => `[${b.n}] held as ${b.approval} until ${b.deadline}, by ${b.rules.join(', ')}`,
  decision: b => {
    const { by, verdict, reason } = b.signed.decision;
    const said = reason === '' ? '' : `: ${reason}`;
    return `[${b.n}] ${by} says ${verdict}${said}${b.verified ? '' : ' (NOT VERIFIED: does not count)'}`;
  },
  'hold.end': b => `[${b.n}] the hold ends: ${b.state}${b.why === '' ? '' : `, ${b.why}`}`,
  forward: b => `[${b.n}] forwarded to the database`,
  outcome: b => {
    const masked = b.masks.map(m => `${m.column} (${m.mask})`).join(', ');
    const parts = [
      b.tag === '' ? b.status : `${b.status} ${b.tag}`,
      b.sqlstate === '' ? '' : `SQLSTATE ${b.sqlstate}`,
      b.rows === 0 ? '' : `${count(b.rows, 'row')}, ${count(b.bytes, 'byte')}`,
      `${(b.micros / 1000).toFixed(1)} ms`,
      masked === '' ? '' : `masked ${masked}`,
    ];
    return `[${b.n}] ${parts.filter(part => part !== '').join('; ')}`;
  },
  'session.close': b => `closed: ${b.reason}, after ${count(b.statements, 'statement')}`,
  'ledger.recovered': b =>
    `the ledger was not closed in order: ${count(b.entries, 'entry', 'entries')} kept, ${b.unsealed} of them sealed only now`,
};

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map(row => row[i]?.length ?? 0)));
  return rows
    .map(
      row =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function indent(text: string, by: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(by)}`);
}

function time(at: string): string {
  return at.slice(0, 19).replace('T', ' ');
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

function way({ transport, tls, authentication }: NonNullable<AuditBody<'session.open'>['arrival']>): string {
  if (transport === 'tunnel') return 'through the tunnel';
  return `over ${tls ?? 'TCP in the clear'}, token by ${authentication}`;
}

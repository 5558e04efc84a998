import type { Approval } from '#schemas/approval.ts';
import { grantEnd } from '#schemas/grant.ts';
import { missing } from '#schemas/quorum.ts';
import { visible } from './visible.ts';

/** One approval for a terminal, whole: nothing of the statement is cut off. `now` in milliseconds since 1970. */
export function approvalText(approval: Approval, now: number): string {
  const { statement, requester, requirements, decisions } = approval;
  const who = requester.email === undefined ? requester.subject : `${requester.subject} <${requester.email}>`;
  const rules = requirements.map(
    r => `${r.rule} (${r.quorum} of ${r.approvers.join(', ')})${r.message === '' ? '' : `: ${r.message}`}`,
  );
  const writes = [...new Set(approval.effects.flatMap(e => e.writes))];
  const rows = [
    ['who', `${who}, from ${requester.issuer}`],
    ...(requester.run === undefined ? [] : [['run', requester.run]]),
    ['target', `${approval.target}, database ${statement.database}, role ${statement.role}`],
    ...rules.map(rule => ['rule', rule]),
    ['releases', releasesText(approval, now)],
    ['deadline', `${approval.deadline}${approval.state === 'held' ? ` (${left(approval, now)})` : ''}`],
    ...(writes.length === 0 ? [] : [['writes', writes.join(', ')]]),
    ['transaction', statement.transaction],
    ...Object.entries(statement.settings).map(([name, value]) => ['setting', `${name} = ${value}`]),
    ['digest', approval.digest],
    ...decisions.map(({ decision: d }) => [
      VERDICTS[d.verdict],
      `by ${d.by} at ${d.at}${d.reason === '' ? '' : `: ${d.reason}`}`,
    ]),
    ...(approval.state === 'held' ? [['lacks', `${missing(approval)} approval(s)`]] : []),
    ...(approval.outcome === '' ? [] : [['outcome', approval.outcome]]),
  ];
  const binds = statement.parameters.map(
    (p, i) =>
      `    $${i + 1} = ${p.value === null ? 'NULL' : `${visible(p.value)}${p.format === 'binary' ? ' (binary, base64)' : ''}`}`,
  );
  return [
    `${approval.id}  ${approval.state}`,
    ...rows.map(([name = '', text = '']) => `  ${name.padEnd(12)}${visible(text)}`),
    '  statement',
    ...visible(statement.text, { lines: true })
      .split('\n')
      .map(line => `    ${line}`),
    ...(binds.length === 0 ? [] : ['  binds', ...binds]),
    '',
  ].join('\n');
}

const VERDICTS = { approve: 'approved', deny: 'denied', revoke: 'revoked' } as const;

/** What an approval lets happen, and until when. */
function releasesText(approval: Approval, now: number): string {
  const what = {
    parked: 'the statement that waits on its connection, once',
    once: 'the same statement of the same principal, once',
    session: 'sessions of this principal',
  }[approval.releases];
  if (approval.releases === 'parked') return what;
  const end = grantEnd(approval);
  if (end !== null) return `${what}, until ${new Date(end).toISOString()} (${until(end, now)})`;
  return `${what}, for ${Math.min(...approval.requirements.map(r => r.grantSeconds))} s from the approval on`;
}

function left(approval: Approval, now: number): string {
  return until(Date.parse(approval.deadline), now);
}

function until(end: number, now: number): string {
  const seconds = Math.floor((end - now) / 1000);
  if (seconds <= 0) return 'passed';
  return seconds < 120 ? `${seconds} s left` : `${Math.floor(seconds / 60)} min left`;
}

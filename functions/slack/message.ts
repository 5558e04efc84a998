import type { KnownBlock, RichTextBlock, RichTextBlockElement, RichTextSection } from '@slack/types';
import type { Approval } from '#schemas/approval.ts';
import type { Effects } from '#schemas/effects.ts';
import { grantEnd } from '#schemas/grant.ts';
import { missing } from '#schemas/quorum.ts';
import { requestDigest } from '#schemas/request.ts';
import { rowsBound, STATES, TRANSACTIONS, title, warnings } from '../console/page/describe.ts';
import { plain } from '../console/page/visible.ts';
import type { Execution } from '../ports.ts';
import { statementText } from './statement-text.ts';

/** A message as chat.postMessage and chat.update take it. */
export interface SlackMessage {
  /** For notifications and screen readers: no word of the agent's in it, because Slack reads this one as markup. */
  readonly text: string;
  readonly blocks: KnownBlock[];
}

/** What a button carries: the digest of everything that its message shows, which is what the decision covers. Below Slack's 2,000 characters for a value. */
export interface ButtonValue {
  readonly id: string;
  readonly request: string;
}

/** Characters of one text that Slack shows whole; beyond it a reader would approve what they have not seen. */
export const FITS = 2900;
const HEADER = 150;

type Text = RichTextSection['elements'][number];

/**
 * One approval as approvers see it in Slack, from the moment it is held to what became of it. Everything that the agent has chosen stands
 * in rich text, which Slack shows as it is: no mention, link or format in it means anything. Characters that would not show are named.
 * Where the statement does not fit, nobody can approve it here: the button is absent, and a link leads to all of it.
 */
export function approvalMessage(
  approval: Approval,
  consoleUrl: string,
  execution: Execution | null = null,
): SlackMessage {
  const { sql, values, whole } = statementText(approval.statement, FITS);
  const page = `${consoleUrl}/#${encodeURIComponent(approval.id)}`;
  const state = STATES[approval.state];
  return {
    text: `${state}: approval ${approval.id} on ${approval.requirements.length === 1 ? 'one rule' : 'several rules'}`,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: heading(approval), emoji: false } },
      rich(section(...facts(approval))),
      rich(preformatted(sql)),
      ...(values === '' ? [] : [rich(section(bold('With these values')), preformatted(values))]),
      ...(whole
        ? []
        : [
            rich(
              section(
                bold('It is longer than Slack can show. '),
                link(page, 'Read all of it, and approve it there'),
              ),
            ),
          ]),
      ...alarms(approval),
      rich(section(...standing(approval, execution))),
      ...actions(approval, whole, page),
    ],
  };
}

function heading(approval: Approval): string {
  const text = plain(`${STATES[approval.state]}: ${title(approval)}`);
  return text.length <= HEADER ? text : `${text.slice(0, HEADER - 1)}…`;
}

function facts(approval: Approval): Text[] {
  const { requester, statement, requirements } = approval;
  const who = requester.email ?? requester.subject;
  return [
    bold('Who '),
    plainText(who),
    ...(who === requester.subject ? [] : [plainText(` (${requester.subject})`)]),
    plainText(`, identity from ${requester.issuer}`),
    ...run(requester.run),
    bold('\nWhere '),
    plainText(`${approval.target}, database ${statement.database}, role ${statement.role}`),
    ...(statement.protocol === 'session' ? [] : [plainText(`\n${TRANSACTIONS[statement.transaction]}`)]),
    ...requirements.flatMap(r => [
      bold('\nHeld by '),
      plainText(`${r.rule}: ${r.message}`),
      plainText(`\n${r.quorum} of ${r.approvers.map(one => one.replace(/^email:/, '')).join(', ')}`),
    ]),
    ...approval.effects.flatMap(touches),
  ];
}

/** Only https: a claim of the agent's token must not become a link to something else. */
function run(address: string | undefined): Text[] {
  if (address === undefined) return [];
  const url = URL.canParse(address) ? new URL(address) : null;
  return url?.protocol === 'https:'
    ? [plainText('\n'), link(url.href, 'The run that asks')]
    : [plainText(`\nrun: ${address}`)];
}

function touches(effects: Effects): Text[] {
  const named = (verb: string, names: readonly string[]) =>
    names.length === 0 ? [] : [plainText(`; ${verb} ${some(names)}`)];
  return [
    bold('\nTouches '),
    plainText(effects.commands.join(', ')),
    ...named('writes', effects.writes),
    ...named('reads', effects.reads),
    ...named('calls', effects.functions),
    plainText(`; rows: ${rowsBound(effects)}`),
  ];
}

const NAMED = 12;
function some(names: readonly string[]): string {
  const more = names.length - NAMED;
  return more > 0 ? `${names.slice(0, NAMED).join(', ')} and ${more} more` : names.join(', ');
}

function alarms(approval: Approval): KnownBlock[] {
  const found = warnings(approval);
  return found.length === 0
    ? []
    : [rich(section(...found.map(one => bold(`⚠ ${plain(one).slice(0, 500)}\n`))))];
}

/** How far it is, and what became of it. */
function standing(approval: Approval, execution: Execution | null): Text[] {
  const lines: Text[] = [];
  for (const { decision } of approval.decisions) {
    const verb = { approve: 'Approved', deny: 'Denied', revoke: 'Revoked' }[decision.verdict];
    lines.push(bold(verb), plainText(` by ${decision.by} `), date(decision.at));
    if (decision.reason !== '') lines.push(plainText(`: ${decision.reason.slice(0, 500)}`));
    lines.push(plainText('\n'));
  }
  const end = grantEnd(approval);
  if (approval.state === 'held') {
    const open = missing(approval);
    lines.push(plainText(`${open} more ${open === 1 ? 'approval' : 'approvals'} needed before `));
    lines.push(date(approval.deadline));
    if (approval.releases === 'once') lines.push(plainText('; the agent may come back for it'));
  } else if (end !== null && approval.releases !== 'parked') {
    lines.push(plainText('It can be used until '), date(new Date(end).toISOString()));
  } else {
    lines.push(bold(STATES[approval.state]), plainText(`: ${approval.outcome}`));
    if (execution !== null) lines.push(plainText(`; ${ranAs(execution)}`));
  }
  lines.push(plainText(`\n${approval.id} · digest ${approval.digest.slice(0, 16)}…`));
  return lines;
}

function ranAs({ status, rows, sqlstate }: Execution): string {
  if (status === 'ok') return `it ran, ${rows} ${rows === 1 ? 'row' : 'rows'}`;
  return sqlstate === '' ? `it ended as ${status}` : `the server refused it with ${sqlstate}`;
}

function actions(approval: Approval, whole: boolean, page: string): KnownBlock[] {
  const value = JSON.stringify({ id: approval.id, request: requestDigest(approval) } satisfies ButtonValue);
  const button = (action: 'approve' | 'deny' | 'revoke', label: string, style?: 'primary' | 'danger') => ({
    type: 'button' as const,
    action_id: action,
    value,
    text: { type: 'plain_text' as const, text: label, emoji: false },
    ...(style === undefined ? {} : { style }),
  });
  const open = {
    type: 'button' as const,
    action_id: 'open',
    url: page,
    text: { type: 'plain_text' as const, text: 'Open in the console', emoji: false },
  };
  if (approval.state === 'held')
    return [
      {
        type: 'actions',
        elements: [
          ...(whole ? [button('approve', 'Approve', 'primary')] : []),
          button('deny', 'Deny…', 'danger'),
          open,
        ],
      },
    ];
  if (approval.state === 'approved' && approval.releases !== 'parked')
    return [{ type: 'actions', elements: [button('revoke', 'Revoke…', 'danger'), open] }];
  return [];
}

function rich(...elements: RichTextBlockElement[]): RichTextBlock {
  return { type: 'rich_text', elements };
}

function preformatted(text: string): RichTextBlockElement {
  return { type: 'rich_text_preformatted', elements: [{ type: 'text', text }] };
}

function section(...elements: Text[]): RichTextSection {
  return { type: 'rich_text_section', elements };
}

/** Names and sentences of others, with what would not show made visible, and cut where somebody floods it. */
function plainText(text: string): Text {
  const lines = text.split('\n').map(plain).join('\n');
  return { type: 'text', text: lines.length > 1000 ? `${lines.slice(0, 999)}…` : lines };
}

function bold(text: string): Text {
  return { type: 'text', text, style: { bold: true } };
}

function link(url: string, text: string): Text {
  return { type: 'link', url, text };
}

function date(iso: string): Text {
  return {
    type: 'date',
    timestamp: Math.floor(Date.parse(iso) / 1000),
    format: '{date_short_pretty} {time_secs}',
    fallback: iso,
  };
}

import type { KnownBlock, RichTextBlock, RichTextBlockElement, RichTextSection } from '@slack/types';
import type { Approval } from '#schemas/approval.ts';
import type { Effects } from '#schemas/effects.ts';
import { grantEnd } from '#schemas/grant.ts';
import { missing } from '#schemas/quorum.ts';
import { requestDigest } from '#schemas/request.ts';
import { count, rowsBound, STATES, TRANSACTIONS, title, warnings } from '../console/page/describe.ts';
import { plain } from '../console/page/visible.ts';
import type { Execution } from '../ports.ts';
import { slackTakes } from './limits.ts';
import { statementText } from './statement-text.ts';
import { EMPTY, visible } from './visible.ts';

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

/** Characters of a statement with its values that are shown whole; beyond it a reader would approve what they have not seen. */
export const FITS = 2900;
const HEADER = 150;

type Text = RichTextSection['elements'][number];
const BREAK: Text = { type: 'text', text: '\n' };

/** How much of what others have written is shown. */
interface Room {
  /** Characters of the statement with its values. */
  readonly statement: number;
  /** Characters of one name or sentence. */
  readonly text: number;
  /** Of rules, statements, names, warnings and decisions. */
  readonly items: number;
}
const ALL: Room = { statement: FITS, text: Number.POSITIVE_INFINITY, items: Number.POSITIVE_INFINITY };
/** Where all of it does not fit. The last one always does. */
const LESS: readonly Room[] = [
  { statement: 2000, text: 200, items: 6 },
  { statement: 600, text: 80, items: 3 },
  { statement: 200, text: 20, items: 1 },
];

/**
 * One approval as approvers see it in Slack, from the moment it is held to what became of it. Everything that the agent has chosen stands
 * in rich text, which Slack shows as it is: no mention, link or format in it means anything. Characters that would not show are named.
 * Either all of what is asked is shown, or nobody can approve it here: the button is absent, and a link leads to all of it.
 */
export function approvalMessage(
  approval: Approval,
  consoleUrl: string,
  execution: Execution | null = null,
): SlackMessage {
  const page = `${consoleUrl}/#${encodeURIComponent(approval.id)}`;
  const rules = approval.requirements.length === 1 ? 'one rule' : 'several rules';
  const text = `${STATES[approval.state]}: approval ${approval.id} on ${rules}`;
  const { sql, values, whole } = statementText(approval.statement, FITS);
  const all = blocksOf(approval, execution, page, ALL, { sql, values }, whole);
  if (whole && slackTakes(all)) return { text, blocks: all };
  for (const room of LESS) {
    const some = blocksOf(
      approval,
      execution,
      page,
      room,
      statementText(approval.statement, room.statement),
      false,
    );
    if (slackTakes(some)) return { text, blocks: some };
  }
  throw new Error(`nothing of approval ${approval.id} fits into a message`);
}

function blocksOf(
  approval: Approval,
  execution: Execution | null,
  page: string,
  room: Room,
  { sql, values }: { readonly sql: string; readonly values: string },
  whole: boolean,
): KnownBlock[] {
  return [
    { type: 'header', text: { type: 'plain_text', text: heading(approval), emoji: false } },
    rich(section(...facts(approval, room))),
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
    ...alarms(approval, room),
    rich(section(...standing(approval, execution, room))),
    ...actions(approval, whole, page),
  ];
}

function heading(approval: Approval): string {
  const text = plain(`${STATES[approval.state]}: ${title(approval)}`);
  return text.length <= HEADER ? text : `${text.slice(0, HEADER - 1)}…`;
}

function facts(approval: Approval, room: Room): Text[] {
  const { requester, statement, requirements } = approval;
  const said = (text: string) => plainText(text, room);
  const who = requester.email ?? requester.subject;
  const path = statement.settings.search_path;
  return [
    bold('Who '),
    said(who),
    ...(who === requester.subject ? [] : [said(` (${requester.subject})`)]),
    said(`, identity from ${requester.issuer}`),
    ...run(requester.run, room),
    bold('\nWhere '),
    said(`${approval.target}, database ${statement.database}, role ${statement.role}`),
    ...(statement.protocol === 'session' ? [] : [BREAK, said(TRANSACTIONS[statement.transaction])]),
    ...(path === undefined || path === '' ? [] : [said(`; search_path ${path}`)]),
    ...some(requirements, room, 'rules').flatMap(r =>
      typeof r === 'string'
        ? [BREAK, said(r)]
        : [
            bold('\nHeld by '),
            said(`${r.rule}: `),
            // The policy's own words may have lines.
            ...r.message.split('\n').flatMap((part, i) => [...(i === 0 ? [] : [BREAK]), said(part)]),
            BREAK,
            said(`Needs ${r.quorum} of `),
            ...named(
              r.approvers.map(one => one.replace(/^email:/, '')),
              room,
            ),
          ],
    ),
    ...some(approval.effects, room, 'statements').flatMap((one, i) =>
      typeof one === 'string'
        ? [BREAK, said(one)]
        : touches(one, approval.effects.length > 1 ? `Statement ${i + 1} touches ` : 'Touches ', room),
    ),
  ];
}

/** Only https: a claim of the agent's token must not become a link to something else. */
function run(address: string | undefined, room: Room): Text[] {
  if (address === undefined) return [];
  const url = URL.canParse(address) ? new URL(address) : null;
  return url?.protocol === 'https:' && url.href.length <= room.text
    ? [BREAK, link(url.href, 'The run that asks')]
    : [BREAK, plainText(`run: ${address}`, room)];
}

function touches(effects: Effects, what: string, room: Room): Text[] {
  const list = (verb: string, names: readonly string[]) =>
    names.length === 0 ? [] : [plainText(`; ${verb} `, room), ...named(names, room)];
  return [
    bold(`\n${what}`),
    ...named(effects.commands, room),
    ...list('writes', effects.writes),
    ...list('reads', effects.reads),
    ...list('calls', effects.functions),
    plainText(`; rows: ${rowsBound(effects)}`, room),
  ];
}

/** The first ones, and how many there are beside them. */
function some<T>(items: readonly T[], room: Room, what: string): (T | string)[] {
  const more = items.length - room.items;
  return more > 0 ? [...items.slice(0, room.items), `and ${count(more)} more ${what}`] : [...items];
}

function named(names: readonly string[], room: Room): Text[] {
  const cut = some(names, room, 'names').map(name => shown(name, room));
  return [{ type: 'text', text: cut.join(', ') || 'nobody' }];
}

function alarms(approval: Approval, room: Room): KnownBlock[] {
  const found = some(warnings(approval), room, 'warnings');
  return found.length === 0 ? [] : [rich(section(...found.map(one => bold(`⚠ ${shown(one, room)}\n`))))];
}

/** How far it is, and what became of it. What people have said is cut where they flood it: it is no part of what is decided. */
function standing(approval: Approval, execution: Execution | null, room: Room): Text[] {
  const short = { ...room, text: Math.min(room.text, 500) };
  const said = (text: string) => plainText(text, short);
  const lines: Text[] = [];
  for (const one of some(approval.decisions, { ...room, items: Math.min(room.items, 12) }, 'decisions')) {
    if (typeof one === 'string') {
      lines.push(said(one), BREAK);
      continue;
    }
    const { by, at, verdict, reason } = one.decision;
    const verb = { approve: 'Approved', deny: 'Denied', revoke: 'Revoked' }[verdict];
    lines.push(bold(verb), said(` by ${by} `), date(at));
    if (reason !== '') lines.push(said(`: ${reason.replaceAll(/\r?\n/g, ' ⏎ ')}`));
    lines.push(BREAK);
  }
  const end = grantEnd(approval);
  if (approval.state === 'held') {
    const open = missing(approval);
    lines.push(said(`${open} more ${open === 1 ? 'approval' : 'approvals'} needed before `));
    lines.push(date(approval.deadline));
    if (approval.releases === 'once') lines.push(said('; the agent may come back for it'));
  } else if (end !== null && approval.releases !== 'parked') {
    lines.push(said('It can be used until '), date(new Date(end).toISOString()));
  } else {
    lines.push(bold(STATES[approval.state]), said(`: ${approval.outcome}`));
    if (execution !== null) lines.push(said(`; ${ranAs(execution)}`));
  }
  lines.push(BREAK, said(`${approval.id} · digest ${approval.digest.slice(0, 16)}…`));
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

/** Names and sentences of others, with what would not show made visible. */
function plainText(text: string, room: Room): Text {
  return { type: 'text', text: shown(text, room) };
}

function shown(text: string, room: Room): string {
  // In one line: nobody's name begins another fact.
  const all = visible(text, true) || EMPTY;
  return all.length > room.text ? `${all.slice(0, room.text - 1)}…` : all;
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

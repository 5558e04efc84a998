import type { Approval, ApprovalState } from '#schemas/approval.ts';
import type { CommandClass, Effects } from '#schemas/effects.ts';
import { bindValue } from './binds.ts';
import { tokens } from './sql.ts';
import { oddCount } from './visible.ts';

/** The further of two pictures of one approval: a hold only moves forward, so an answer that was overtaken on its way cannot undo a newer one. */
export function further(a: Approval, b: Approval): Approval {
  return stage(b) >= stage(a) ? b : a;
}

const ORDER: Readonly<Record<ApprovalState, number>> = {
  held: 0,
  approved: 1,
  executed: 2,
  denied: 3,
  expired: 3,
  withdrawn: 3,
};
function stage(approval: Approval): number {
  return ORDER[approval.state] * 1_000_000 + approval.decisions.length;
}

/** `DELETE on public.orders`, `SELECT from public.customers and 2 more`; several statements are joined. */
export function title(approval: Pick<Approval, 'effects'> & Partial<Pick<Approval, 'releases'>>): string {
  if (approval.releases === 'session') return 'Open a session';
  const [first, ...rest] = approval.effects;
  if (first === undefined) return 'Statement';
  const others = rest.length === 0 ? '' : `, and ${plural(rest.length, 'more statement')}`;
  return action(first) + others;
}

const WORDS: Readonly<Partial<Record<CommandClass, string>>> = {
  'copy-in': 'COPY into',
  'copy-out': 'COPY out',
  ddl: 'Schema change',
  privilege: 'Privilege change',
  transaction: 'Transaction command',
  cursor: 'Cursor command',
  maintenance: 'Maintenance',
  empty: 'Nothing',
  unknown: 'Unknown command',
};

/** All that it does, not only the outermost word: a DELETE inside an INSERT is what an approver has to see. */
function action(effects: Effects): string {
  const changing = effects.commands.filter(one => one !== 'select');
  const commands = (changing.length > 0 ? changing : effects.commands).slice(0, 4);
  const named = [...new Set(commands)].map(one => WORDS[one] ?? one.toUpperCase()).join(', ');
  if (effects.writes.length > 0) return `${named} on ${some(effects.writes)}`;
  return effects.reads.length > 0 ? `${named} from ${some(effects.reads)}` : named;
}

function some(names: readonly string[]): string {
  return names.length <= 2 ? names.join(', ') : `${names[0]} and ${names.length - 1} more`;
}

/** What an approver must not miss, as short sentences. */
export function warnings(approval: Approval): string[] {
  const { effects, statement } = approval;
  const out: string[] = [];
  if (effects.some(one => one.withoutWhere)) out.push('No WHERE: this touches every row.');
  if (effects.some(one => one.outside))
    out.push('Reaches outside the database: server files, programs or other servers.');
  for (const why of effects.flatMap(one => one.unknown)) out.push(`Not fully known: ${why}`);
  if (statement.transaction === 'open')
    out.push("Runs inside the agent's open transaction, together with what came before in it.");
  const values = statement.parameters.map(one => bindValue(one).text);
  const odd = [statement.text, ...values].reduce((sum, text) => sum + oddCount(text), 0);
  if (odd > 0) out.push(`${plural(odd, 'hidden or misleading character')}, marked where they stand.`);
  const backslashes = statement.settings.standard_conforming_strings === 'off';
  if (
    statement.text.length <= HIGHLIGHT_LIMIT &&
    tokens(statement.text, backslashes).some(t => t.kind === 'foreign')
  )
    out.push('A name has letters outside ASCII: it may only look like another name.');
  return out;
}

/** Characters up to which a statement is coloured: beyond it would only slow the page down. */
export const HIGHLIGHT_LIMIT = 200_000;

export function rowsBound(effects: Effects): string {
  if (effects.keyed)
    return effects.rows === null ? 'picked by key' : `at most ${count(effects.rows)}, picked by key`;
  return effects.rows === null ? 'no known bound' : `at most ${count(effects.rows)}`;
}

export const TRANSACTIONS = {
  idle: 'A transaction of its own',
  open: "Inside the agent's open transaction",
  implicit: 'Part of a pipeline, one transaction with the statements before it',
} as const;

export const STATES: Readonly<Record<ApprovalState, string>> = {
  held: 'Waiting',
  approved: 'Approved',
  denied: 'Denied',
  expired: 'Expired',
  withdrawn: 'Withdrawn',
  executed: 'Executed',
};

export function count(n: number): string {
  return n.toLocaleString('en-US');
}

export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** `4:05`, `1:02:03`; never below zero. */
export function countdown(ms: number): string {
  const total = Math.max(0, Math.ceil(ms / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `just now`, `5 min ago`, then the local date and time. */
export function ago(iso: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(iso)) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  return moment(iso);
}

/** Local date and time, to the second. */
export function moment(iso: string): string {
  return new Date(iso).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}

/** Local time of day with milliseconds. */
export function timeOfDay(iso: string): string {
  return new Date(iso).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  });
}

/** A link only where it is https: anything else in a claim stays text. */
export function httpsUrl(text: string): string | null {
  return URL.canParse(text) && new URL(text).protocol === 'https:' ? new URL(text).href : null;
}

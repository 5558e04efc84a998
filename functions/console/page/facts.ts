import type { Approval, Requirement } from '#schemas/approval.ts';
import type { Effects } from '#schemas/effects.ts';
import { missing } from '#schemas/quorum.ts';
import { httpsUrl, moment, rowsBound, TRANSACTIONS } from './describe.ts';
import { type Child, el } from './dom.ts';

/** Who, where, why, and what it touches: all that an approver should know beside the statement's text. */
export function factsView(approval: Approval): HTMLElement {
  const { requester, statement, requirements } = approval;
  const run = requester.run === undefined ? null : httpsUrl(requester.run);
  const several = approval.effects.length > 1;
  const touched = approval.effects.map((one, i) =>
    fact(several ? `Statement ${i + 1} touches` : 'Touches', ...touches(one)),
  );
  const facts = [
    fact(
      'Who',
      el('strong', {}, requester.subject),
      requester.email !== undefined && requester.email !== requester.subject && line(requester.email),
      line(`identity from ${requester.issuer}`),
      line(requester.groups.length === 0 ? 'in no group' : `groups: ${requester.groups.join(', ')}`),
      requester.run !== undefined &&
        el(
          'span',
          { class: 'line' },
          run === null
            ? `run: ${requester.run}`
            : el('a', { href: run, rel: 'noopener noreferrer', target: '_blank' }, `run: ${run}`),
        ),
    ),
    fact(
      'Where',
      el('strong', {}, approval.target),
      line(`database ${statement.database}`),
      line(`as role ${statement.role}`),
      line(TRANSACTIONS[statement.transaction]),
    ),
    fact('Held by', ...requirements.map(why)),
    ...(approval.releases === 'parked' ? [] : [fact('Allows', ...allows(approval))]),
  ];
  if (!several) return el('dl', { class: 'facts' }, ...facts, ...touched);
  return el('div', {}, el('dl', { class: 'facts' }, ...facts), el('dl', { class: 'facts' }, ...touched));
}

/** What is rarely needed but always there: settings that give the text its meaning, and what a decision covers. */
export function fineprintView(approval: Approval): HTMLElement {
  const { statement } = approval;
  const settings = Object.entries(statement.settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return el(
    'details',
    { class: 'fineprint' },
    el('summary', {}, 'Settings, digest and policy version'),
    el(
      'dl',
      {},
      ...pair('Approval', approval.id),
      ...pair('Asked', moment(approval.createdAt)),
      ...pair('Deadline', moment(approval.deadline)),
      ...pair('Digest', approval.digest),
      ...pair('Policy', statement.policyVersion),
      ...pair('Protocol', statement.protocol),
      ...pair('Result formats', statement.resultFormats.join(', ') || 'text'),
      ...settings.flatMap(([name, value]) => pair(name, value === '' ? '(empty)' : value)),
    ),
  );
}

/** For each rule how many of its approvals are there, and each decision so far. */
export function progressView(approval: Approval): HTMLElement {
  return el(
    'div',
    { class: 'progress' },
    ...approval.requirements.map(requirement => {
      const open = Math.max(0, missing({ ...approval, requirements: [requirement] }));
      const given = requirement.quorum - open;
      return el(
        'p',
        { class: 'quorum' },
        el(
          'span',
          { class: 'pips', 'aria-hidden': 'true' },
          ...Array.from({ length: requirement.quorum }, (_, i) => el('i', i < given ? { class: 'on' } : {})),
        ),
        `${given} of ${requirement.quorum} ${requirement.quorum === 1 ? 'approval' : 'approvals'}`,
        approval.requirements.length > 1 ? ` for ${requirement.rule}` : null,
      );
    }),
    approval.decisions.length === 0
      ? null
      : el(
          'ul',
          { class: 'decisions' },
          ...approval.decisions.map(({ decision }) =>
            el(
              'li',
              {},
              el('b', { class: decision.verdict }, VERDICTS[decision.verdict]),
              ` by ${decision.by}, ${moment(decision.at)}`,
              decision.reason === '' ? null : el('q', {}, decision.reason),
            ),
          ),
        ),
  );
}

const VERDICTS = { approve: 'Approved', deny: 'Denied', revoke: 'Revoked' } as const;

/** What the approval lets happen beside the statement on its connection, and until when. */
function allows(approval: Approval): Child[] {
  const { releases, decisions, requirements } = approval;
  const grant = Math.min(...requirements.map(r => r.grantSeconds));
  const yes = decisions.filter(d => d.decision.verdict === 'approve').map(d => Date.parse(d.decision.at));
  const what = releases === 'session' ? 'sessions of this principal' : 'this statement, once, in any session';
  const ends = approval.state === 'approved' && yes.length > 0;
  return [
    line(what),
    line(
      ends
        ? `until ${moment(new Date(Math.max(...yes) + grant * 1000).toISOString())}`
        : `for ${grant} s from the approval on`,
    ),
  ];
}

function why(requirement: Requirement): HTMLElement {
  const people = requirement.approvers.map(one => one.replace(/^email:/, '')).join(', ');
  return el(
    'span',
    { class: 'line' },
    el('strong', {}, requirement.rule),
    el('span', { class: 'line' }, requirement.message),
    line(`decided by ${requirement.quorum === 1 ? 'one' : requirement.quorum} of: ${people}`),
    requirement.mode === 'return' &&
      line('The agent is not waiting: it may run this once, later, if approved'),
  );
}

function touches(effects: Effects): Child[] {
  const names = (verb: string, list: readonly string[]) =>
    list.length > 0 && el('span', { class: 'line' }, `${verb} `, el('code', {}, list.join(', ')));
  return [
    el('strong', {}, effects.commands.join(', ')),
    names('writes', effects.writes),
    names('reads', effects.reads),
    names('calls', effects.functions),
    line(`rows: ${rowsBound(effects)}`),
    effects.readOnly && line('provably changes nothing'),
    effects.withoutWhere && el('span', { class: 'line alarm' }, 'no WHERE'),
    effects.outside && el('span', { class: 'line alarm' }, 'reaches outside the database'),
    ...effects.unknown.map(reason => el('span', { class: 'line alarm' }, `not known: ${reason}`)),
  ];
}

function fact(term: string, ...content: Child[]): HTMLElement {
  return el('div', {}, el('dt', {}, term), el('dd', {}, ...content));
}

function line(text: string): HTMLElement {
  return el('span', { class: 'line' }, text);
}

function pair(term: string, value: string): HTMLElement[] {
  return [el('dt', {}, term), el('dd', {}, value)];
}

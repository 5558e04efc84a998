import type { Approval } from '#schemas/approval.ts';
import { countdown, STATES, title, warnings } from './describe.ts';
import { announce, el, fill, isTyping } from './dom.ts';
import { factsView, fineprintView, progressView } from './facts.ts';
import { statementView } from './statement.ts';
import { plain } from './visible.ts';

export interface CardOptions {
  /** E-mail of the person acting; empty when nobody can. */
  readonly actor: () => string;
  /** The server's time in milliseconds. */
  readonly now: () => number;
  /** Resolves with the approval as it then is; rejects with an Error whose message is for people. */
  readonly decide: (approval: Approval, verdict: 'approve' | 'deny', reason: string) => Promise<Approval>;
  /** The person has read how it ended. */
  readonly dismiss: () => void;
}

export interface Card {
  readonly element: HTMLElement;
  /** Shows what has changed; what is being typed and where the focus is stay. */
  update(approval: Approval): void;
  /** The clock, or the person acting, has moved on. */
  tick(): void;
  /** Puts the focus on the button of that verdict: the next Enter presses it. */
  aim(verdict: 'approve' | 'deny'): void;
  aimReason(): void;
  readonly approval: Approval;
}

let cards = 0;

/** One held statement: everything that an approver needs, and the two buttons. */
export function createCard(first: Approval, options: CardOptions): Card {
  let approval = first;
  let busy = false;
  const n = ++cards;
  const clock = el('span', { class: 'clock', role: 'timer' });
  const bar = el('progress', { class: 'time', max: '1', value: '1', 'aria-hidden': 'true' });
  const progress = el('div');
  const result = el('p', { class: 'result', tabindex: '-1', hidden: true });
  const reason = el('textarea', { id: `reason-${n}`, rows: '1', maxlength: '2000', autocomplete: 'off' });
  const approve = el('button', { type: 'button', class: 'approve' }, 'Approve');
  const deny = el('button', { type: 'button', class: 'deny' }, 'Deny');
  const dismiss = el('button', { type: 'button', class: 'quiet dismiss', hidden: true }, 'Dismiss');
  const note = el('p', { class: 'note', id: `note-${n}` });
  const stamp = el('span', { class: 'state', hidden: true });
  const caution = warnings(first);
  const form = el(
    'div',
    { class: 'act' },
    el(
      'label',
      { for: reason.id },
      'Reason ',
      el('span', { class: 'optional' }, 'optional, part of the record'),
    ),
    reason,
    el('div', { class: 'buttons' }, approve, deny, note),
  );
  const element = el(
    'article',
    { class: 'card', tabindex: '-1', 'aria-labelledby': `title-${n}`, 'data-approval': first.id },
    el(
      'header',
      {},
      el('h3', { id: `title-${n}` }, title(first)),
      stamp,
      el('span', { class: 'left' }, clock, bar),
      el(
        'p',
        { class: 'by' },
        el('b', {}, first.requester.subject),
        ` on ${first.target} as ${first.statement.role}`,
      ),
    ),
    caution.length === 0 ? null : el('ul', { class: 'warnings' }, ...caution.map(one => el('li', {}, one))),
    statementView(first.statement),
    factsView(first),
    fineprintView(first),
    el('footer', {}, progress, form, result, dismiss),
  );

  const say = (text: string, tone: 'good' | 'bad' | 'calm') => {
    fill(result, text);
    result.className = `result ${tone}`;
    result.hidden = false;
  };

  const close = () => {
    form.hidden = true;
  };

  const decide = async (verdict: 'approve' | 'deny') => {
    if (busy || approval.state !== 'held' || barrier(approval, options.actor()) !== null) return;
    busy = true;
    // aria-disabled rather than disabled: a disabled button would drop the focus.
    for (const button of [approve, deny]) button.setAttribute('aria-disabled', 'true');
    say(verdict === 'approve' ? 'Approving…' : 'Denying…', 'calm');
    try {
      const next = await options.decide(approval, verdict, reason.value.trim());
      busy = false;
      reason.value = '';
      card.update(next);
      if (next.state === 'held')
        say(`Your decision is recorded as ${options.actor()}. More approvals are needed.`, 'good');
      result.focus({ preventScroll: true });
    } catch (error) {
      busy = false;
      say((error as Error).message, 'bad');
      announce(plain((error as Error).message));
    }
    card.tick();
  };
  approve.addEventListener('click', () => void decide('approve'));
  deny.addEventListener('click', () => void decide('deny'));
  dismiss.addEventListener('click', () => options.dismiss());
  reason.addEventListener('input', () => {
    reason.rows = Math.min(6, reason.value.split('\n').length);
  });

  const card: Card = {
    element,
    get approval() {
      return approval;
    },
    update(next) {
      approval = next;
      fill(progress, progressView(next));
      if (next.state !== 'held') {
        const good = next.state === 'approved' || next.state === 'executed';
        element.dataset.state = next.state;
        fill(stamp, STATES[next.state]);
        stamp.className = `state ${next.state}`;
        stamp.hidden = false;
        if (isTyping() && !element.contains(document.activeElement))
          element.style.minHeight = `${element.getBoundingClientRect().height}px`;
        // A field that vanished under the hands would send what is typed next to the page's shortcuts: it stays until it is left.
        if (form.contains(document.activeElement)) form.addEventListener('focusout', close, { once: true });
        else close();
        dismiss.hidden = false;
        say(ending(next), good ? 'good' : 'calm');
      }
      card.tick();
    },
    tick() {
      const held = approval.state === 'held';
      const end = Date.parse(approval.deadline);
      const whole = end - Date.parse(approval.createdAt);
      // Two clocks are never quite the same: nobody is shown more time than there was at first.
      const left = Math.min(whole, end - options.now());
      const text = !held ? '' : left > 0 ? `${countdown(left)} left` : 'deadline passed';
      if (clock.textContent !== text) clock.textContent = text;
      clock.classList.toggle('urgent', held && left < 60_000);
      bar.hidden = !held;
      bar.value = Math.min(1, Math.max(0, left / whole));
      const actor = options.actor();
      const barred = held ? barrier(approval, actor) : `It is ${approval.state}.`;
      const off = busy || !held || barred !== null;
      for (const button of [approve, deny]) button.setAttribute('aria-disabled', String(off));
      const unread =
        element.querySelector('[data-unread]') !== null ? ' You have not seen all of it yet.' : '';
      const sentence = barred ?? `Signed as ${plain(actor)}.${unread}`;
      if (note.textContent !== sentence) note.textContent = sentence;
    },
    aim(verdict) {
      (verdict === 'approve' ? approve : deny).focus();
    },
    aimReason() {
      reason.focus();
    },
  };
  card.update(first);
  return card;
}

/** How it ended, as one sentence: `Approved by …`, `Withdrawn: the agent disconnected.` */
function ending({ state, outcome }: Approval): string {
  const sentence = outcome.startsWith(state)
    ? STATES[state] + outcome.slice(state.length)
    : `${STATES[state]}${outcome === '' ? '' : `: ${outcome}`}`;
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Why this person need not try; the server has the last word on everybody else. */
function barrier(approval: Approval, actor: string): string | null {
  if (actor === '') return 'The policy names no approver whom you could act as.';
  if (approval.decisions.some(one => one.decision.by === actor))
    return `${plain(actor)} has decided already. Somebody else has to, too.`;
  if (approval.requester.email?.toLowerCase() === actor)
    return `${plain(actor)} asked for this, and nobody decides on their own statement.`;
  return null;
}

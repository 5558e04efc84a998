import type { Approval } from '#schemas/approval.ts';
import { fetchApprovals, fetchMe, fetchSessions, follow, postDecision } from './api.ts';
import { type Card, createCard } from './card.ts';
import { further, title } from './describe.ts';
import { announce, byId, el, fill, isTyping } from './dom.ts';
import { createHistory } from './history.ts';
import { createReplay } from './replay.ts';
import { createSessions } from './sessions.ts';
import { shownDigest } from './shown.ts';
import { steady } from './steady.ts';
import { plain } from './visible.ts';

/** How long a card whose hold has ended stays among the waiting ones, so that nobody wonders where it went. */
const LINGER_MS = 8000;
const ACTOR_KEY = 'holdpoint-acting-as';

const approvals = new Map<string, Approval>();
const cards = new Map<string, Card>();
/** When each ended card may go. */
const leaving = new Map<string, number>();
const waiting = byId('cards');
const actor = byId('actor') as HTMLSelectElement;
let skewMs = 0;
let target = location.hash;
const now = () => Date.now() + skewMs;

const replay = createReplay(report);
const history = createHistory(
  byId('history'),
  byId('history-empty'),
  now,
  session => void replay.open(session),
  approval => decideNow(approval, 'revoke', ''),
);
const sessions = createSessions(
  byId('session-rows'),
  byId('sessions-empty'),
  byId('sessions-table'),
  session => void replay.open(session),
);

follow({
  ready: () => void reload(),
  approval: approval => {
    take(approval);
    soon();
  },
  lost: () => connection('lost'),
});
setInterval(() => {
  for (const card of cards.values()) card.tick();
  history.tick();
  sweep();
}, 1000);
setInterval(() => {
  if (!document.hidden) void loadSessions();
}, 10_000);

/** After each (re)connection everything is read anew: what was missed is unknown. */
async function reload(): Promise<void> {
  try {
    const [me, list] = await Promise.all([fetchMe(), fetchApprovals()]);
    skewMs = Date.parse(me.now) - Date.now();
    offer(me.approvers.map(one => one.email.toLowerCase()));
    for (const approval of list) take(approval);
    connection('live');
    draw();
    followAddress();
    await loadSessions();
  } catch (fault) {
    connection('lost');
    report(fault);
  }
}

let due = false;
/** A burst of changes is drawn once. A timer rather than a frame: the title counts in hidden tabs too. */
function soon(): void {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    draw();
    void loadSessions();
  }, 30);
}

let loading = false;
async function loadSessions(): Promise<void> {
  if (loading) return; // the next tick reads what this one missed
  loading = true;
  try {
    const list = await fetchSessions();
    steady(() => sessions.show(list));
    byId('sessions-fault').hidden = true;
  } catch (fault) {
    fill(byId('sessions-fault'), `The sessions could not be read: ${(fault as Error).message}`);
    byId('sessions-fault').hidden = false;
  } finally {
    loading = false;
  }
}

function take(approval: Approval): void {
  const known = approvals.get(approval.id);
  approvals.set(approval.id, known === undefined ? approval : further(known, approval));
}

/**
 * Brings the page to the state of `approvals` without moving what a person is working on: new cards go below the others (oldest
 * first), ended ones stay where they are, marked, until `sweep`.
 */
function draw(): void {
  steady(redraw);
}
function redraw(): void {
  const held = [...approvals.values()]
    .filter(one => one.state === 'held')
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  const fresh = held.filter(one => !cards.has(one.id));
  for (const approval of fresh) {
    const card = createCard(approval, {
      actor: () => actor.value,
      now,
      decide: decideNow,
      dismiss: () => remove(approval.id),
    });
    cards.set(approval.id, card);
    waiting.append(card.element);
  }
  for (const [id, card] of cards) {
    const approval = approvals.get(id)!;
    if (approval === card.approval) continue;
    if (approval.state !== 'held') {
      leaving.set(id, Date.now() + LINGER_MS);
      announce(`${title(approval)}: ${approval.state}. ${plain(approval.outcome)}`);
    }
    card.update(approval);
  }
  if (fresh.length === 1)
    announce(plain(`New hold: ${title(fresh[0]!)}, asked by ${fresh[0]!.requester.subject}`));
  else if (fresh.length > 1) announce(`${fresh.length} new holds`);
  const count = held.length;
  fill(byId('count'), count === 0 ? '' : String(count));
  document.title = count === 0 ? 'Holdpoint' : `(${count}) Holdpoint`;
  byId('empty').hidden = cards.size > 0;
  history.show(
    [...approvals.values()]
      .filter(one => one.state !== 'held')
      .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)),
  );
}

async function decideNow(
  approval: Approval,
  verdict: 'approve' | 'deny' | 'revoke',
  reason: string,
): Promise<Approval> {
  try {
    const next = await postDecision(approval.id, {
      verdict,
      reason,
      as: actor.value,
      request: await shownDigest(approval),
    });
    take(next);
    // The card shows it itself; the rest of the page follows once it has.
    setTimeout(draw);
    return approvals.get(next.id)!;
  } catch (fault) {
    if (!(fault instanceof TypeError)) throw fault;
    throw new Error('No answer came: whether it was recorded shows here once the connection is back.', {
      cause: fault,
    });
  }
}

/** Takes ended cards away, one by one, but never while somebody writes or is on that card. */
function sweep(): void {
  if (isTyping() && waiting.contains(document.activeElement)) return;
  for (const [id, due] of leaving) {
    const element = cards.get(id)?.element;
    if (element === undefined || Date.now() < due) continue;
    if (element.contains(document.activeElement) || element.matches(':hover')) continue;
    remove(id);
    return;
  }
}

function remove(id: string): void {
  const card = cards.get(id);
  if (card === undefined) return;
  const had = card.element.contains(document.activeElement);
  const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
  cards.delete(id);
  leaving.delete(id);
  if (had) (next instanceof HTMLElement ? next : byId('waiting-title')).focus({ preventScroll: true });
  steady(() => {
    card.element.remove();
    byId('empty').hidden = cards.size > 0;
  });
}

function offer(emails: readonly string[]): void {
  const present = [...actor.options].map(option => option.value);
  if (emails.length === present.length && emails.every((email, i) => email === present[i])) return;
  const chosen = actor.value || remembered();
  actor.replaceChildren(...emails.map(email => el('option', { value: email }, plain(email))));
  if (emails.includes(chosen)) actor.value = chosen;
  for (const card of cards.values()) card.tick();
}
actor.addEventListener('change', () => {
  remember(actor.value);
  for (const card of cards.values()) card.tick();
});

/** Browsers may forbid storage: then the choice lasts as long as the page. */
function remembered(): string {
  try {
    return localStorage.getItem(ACTOR_KEY) ?? '';
  } catch {
    return '';
  }
}
function remember(email: string): void {
  try {
    localStorage.setItem(ACTOR_KEY, email);
  } catch (fault) {
    report(fault);
  }
}

function connection(state: 'live' | 'lost'): void {
  byId('lost').hidden = state === 'live';
  byId('live').dataset.state = state;
  fill(byId('live'), state === 'live' ? 'Live' : 'Not connected');
}

/** `#<approval id>` and `#session/<id>` in the address lead there: notices and messages link so. */
function followAddress(): void {
  const id = unescaped(target.slice(1));
  target = '';
  if (id === '') return;
  const card = cards.get(id);
  if (card !== undefined) focusCard(card);
  else if (id.startsWith('session/')) void replay.open(id.slice('session/'.length));
  else history.reveal(id);
}
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody's typing error: it will name nothing
  }
}
addEventListener('hashchange', () => {
  target = location.hash;
  followAddress();
});

function focusCard(card: Card): void {
  card.element.focus({ preventScroll: true });
  card.element.scrollIntoView({ block: 'nearest' });
  if (card.element.getBoundingClientRect().height > innerHeight)
    card.element.scrollIntoView({ block: 'start' });
}

/** j and k walk through the cards, a and d aim at the buttons of the one with the focus, r at its reason; Escape leaves a field. */
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const list = [...waiting.children].map(
    element => [...cards.values()].find(card => card.element === element)!,
  );
  const at = list.findIndex(card => card.element.contains(document.activeElement));
  if (isTyping()) {
    if (event.key === 'Escape' && at >= 0) focusCard(list[at]!);
    return;
  }
  const card = list[Math.max(at, 0)];
  if (card === undefined) return;
  const keys: Readonly<Record<string, () => void>> = {
    j: () => focusCard(list[Math.min(at + 1, list.length - 1)]!),
    k: () => focusCard(list[Math.max(at - 1, 0)]!),
    a: () => card.aim('approve'),
    d: () => card.aim('deny'),
    r: () => card.aimReason(),
  };
  const act = keys[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

function report(fault: unknown): void {
  console.error(fault);
}

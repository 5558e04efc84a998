import type { Approval } from '#schemas/approval.ts';
import type { AuditEvent } from '#schemas/audit.ts';
import type { SessionSummary, VerifyReport } from '../../ports.ts';

export interface Me {
  readonly approvers: readonly { readonly email: string }[];
  readonly token: string;
  /** The server's time: countdowns run by it. */
  readonly now: string;
}
export interface Replay {
  readonly session: string;
  readonly summary: SessionSummary | null;
  readonly total: number;
  readonly events: readonly AuditEvent[];
  readonly report: VerifyReport | null;
}
export interface DecisionInput {
  readonly verdict: 'approve' | 'deny' | 'revoke';
  readonly reason: string;
  readonly as: string;
  /** Of all that was shown. */
  readonly request: string;
}

/** The server said no; the message is its sentence. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

let token = '';

export async function fetchMe(): Promise<Me> {
  const me = await get<Me>('/api/me');
  token = me.token;
  return me;
}

export const fetchApprovals = () => get<Approval[]>('/api/approvals?all=1');
export const fetchSessions = () => get<SessionSummary[]>('/api/sessions');
export const fetchReplay = (session: string, from: number) =>
  get<Replay>(`/api/sessions/${encodeURIComponent(session)}?from=${from}`);

/** Rejects with Refused when the server refuses, with a TypeError when no answer came (then nobody knows whether it counted). */
export async function postDecision(id: string, input: DecisionInput): Promise<Approval> {
  const send = () =>
    fetch(`/api/approvals/${encodeURIComponent(id)}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-holdpoint-token': token },
      body: JSON.stringify(input),
    });
  const used = token;
  let response = await send();
  if (response.status === 403) {
    // After a restart of the server the token is stale: a new one, and once more. Any other 403 comes back the same.
    await fetchMe();
    if (token !== used) response = await send();
  }
  return answer<Approval>(response);
}

async function get<T>(path: string): Promise<T> {
  return answer<T>(await fetch(path));
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const text = await response.text();
  throw new Refused(response.status, errorOf(text) ?? `the server answered ${response.status}`);
}

function errorOf(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    const error = typeof value === 'object' && value !== null && 'error' in value ? value.error : null;
    return typeof error === 'string' ? error : null;
  } catch {
    return null; // not JSON: the status says what there is to say
  }
}

/** Longer without a sign of life (the server sends one every 15 s) means that the line is dead, whatever the browser believes. */
const SILENCE_MS = 40_000;

/**
 * Follows the approvals for as long as the page lives. `ready` comes after each (re)connection, when changes are being listened to
 * and the list should be read; `lost` as soon as the line is gone. A browser has few connections: where the server parks this page in
 * favour of another, it stays so until somebody looks at it again.
 */
export function follow(on: {
  ready: () => void;
  approval: (approval: Approval) => void;
  lost: () => void;
}): void {
  let source: EventSource;
  let heard = Date.now();
  let retry: ReturnType<typeof setTimeout> | undefined;
  let parked = false;
  const connect = () => {
    clearTimeout(retry);
    retry = undefined;
    parked = false;
    heard = Date.now();
    source = new EventSource('/api/stream');
    const alive = () => {
      heard = Date.now();
    };
    source.addEventListener('beat', alive);
    source.addEventListener('ready', () => {
      alive();
      on.ready();
    });
    source.addEventListener('approval', event => {
      alive();
      on.approval(JSON.parse((event as MessageEvent<string>).data) as Approval);
    });
    source.addEventListener('parked', () => {
      source.close();
      parked = true;
      on.lost();
    });
    source.addEventListener('error', () => {
      on.lost();
      // The browser comes back by itself from a broken line, but gives up for good on an answer that is no stream.
      if (source.readyState === EventSource.CLOSED && retry === undefined) retry = setTimeout(connect, 2000);
    });
  };
  connect();
  setInterval(() => {
    if (parked || Date.now() - heard < SILENCE_MS) return;
    on.lost();
    source.close();
    connect();
  }, 5000);
  const unpark = () => {
    if (parked && !document.hidden) connect();
  };
  addEventListener('focus', unpark);
  document.addEventListener('visibilitychange', unpark);
}

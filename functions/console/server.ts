import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Approval } from '#schemas/approval.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { IllegalMove } from '#schemas/hold.ts';
import { requestDigest } from '#schemas/request.ts';
import { statementDigest } from '#schemas/statement.ts';
import type { ApprovalBook, AuditReader } from '../ports.ts';
import { loadAssets } from './assets.ts';
import { readJson } from './body.ts';
import { createBrowserTokens, hostFault, isBearer, siteFault } from './guard.ts';
import { HttpFault, reply, replyJson } from './reply.ts';
import { createStreams } from './stream.ts';

export interface ConsoleOptions {
  readonly book: ApprovalBook;
  readonly audit: AuditReader;
  /** Whom the person at the page may act as. Asked anew each time: a policy can be reloaded. */
  readonly approvers: () => readonly { readonly email: string }[];
  /** What the command line sends as `Authorization: Bearer …`. */
  readonly apiToken: string;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** A fresh unguessable string; used for cookies and the key of the page's tokens. */
  readonly newToken: () => string;
  /** Gets every fault that is ours rather than the caller's. Default: stderr. */
  readonly report?: (fault: unknown) => void;
  /** Between signs of life on the stream. Default 15,000. */
  readonly heartbeatMs?: number;
}

/** Answers the request and returns true, or returns false, untouched, when the path is not the console's. */
export interface Console {
  (request: IncomingMessage, response: ServerResponse): boolean;
  /** Ends the open event streams: without it `server.close()` waits for the browsers. */
  close(): void;
}

/** How many events of one session one answer carries; `from` asks for later ones. */
export const EVENTS_PER_PAGE = 500;

const decisionBody = z.strictObject({
  verdict: z.enum(['approve', 'deny', 'revoke']),
  reason: z.string().max(2000).default(''),
  as: z.string().trim().toLowerCase().min(1).max(320),
  /** What the person has seen; where given, it must be what is held. */
  digest: z.string().optional(),
  /** `requestDigest` of what they have seen: all of it, who asks and what the rules say too. The page always sends it. */
  request: z.string().optional(),
});

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly id: string;
  readonly port: number;
}
interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  readonly run: (call: Call) => Promise<void> | void;
}

/**
 * The inbox page and its API, for one machine: it answers to loopback names only, and a decision is taken from the command line
 * (bearer token) or from the page itself (same origin, and the token that `/api/me` gave to this browser).
 */
export function createConsole(options: ConsoleOptions): Console {
  const { book, audit, approvers, clock } = options;
  const report = options.report ?? (fault => console.error('console:', fault));
  const assets = loadAssets();
  const tokens = createBrowserTokens(options.newToken);
  const streams = createStreams(book, options.heartbeatMs ?? 15_000);

  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: /^\/api\/me$/,
      run({ request, response, port }) {
        const { token, setCookie } = tokens.issue(request.headers, port);
        const value = { approvers: approvers(), token, now: new Date(clock()).toISOString() };
        replyJson(response, 200, value, { 'set-cookie': setCookie });
      },
    },
    {
      method: 'GET',
      path: /^\/api\/approvals$/,
      run: async ({ response, query }) =>
        replyJson(response, 200, await book.list({ all: ['1', 'true'].includes(query.get('all') ?? '') })),
    },
    {
      method: 'GET',
      path: /^\/api\/approvals\/([^/]+)$/,
      run: async ({ response, id }) => replyJson(response, 200, await find(book, id)),
    },
    { method: 'POST', path: /^\/api\/approvals\/([^/]+)\/decisions$/, run: decide },
    {
      method: 'GET',
      path: /^\/api\/stream$/,
      run: ({ request, response, port }) => streams.start(response, tokens.browserOf(request.headers, port)),
    },
    {
      method: 'GET',
      path: /^\/api\/sessions$/,
      run: async ({ response }) => replyJson(response, 200, await audit.sessions()),
    },
    { method: 'GET', path: /^\/api\/sessions\/([^/]+)$/, run: replay },
  ];

  async function decide({ request, response, id, port }: Call): Promise<void> {
    const bearer = request.headers.authorization !== undefined;
    if (bearer) {
      if (!isBearer(request.headers.authorization, options.apiToken))
        throw new HttpFault(403, 'the bearer token is not the one of this server', { connection: 'close' });
    } else {
      const fault = siteFault(request.headers, 'change');
      if (fault !== null) throw new HttpFault(403, fault, { connection: 'close' });
      if (!tokens.accepts(request.headers, port))
        throw new HttpFault(403, 'the page is older than this server: reload it', { connection: 'close' });
    }
    const body = decisionBody.safeParse(await readJson(request));
    if (!body.success) throw new HttpFault(400, z.prettifyError(body.error));
    const { as, verdict, reason, digest, request: seen } = body.data;
    if (!bearer && !approvers().some(one => one.email.toLowerCase() === as))
      throw new HttpFault(403, `${as} is not among the approvers`);
    const approval = await find(book, id);
    const covered = statementDigest(approval.statement);
    if (approval.digest !== covered || (digest ?? covered) !== covered)
      throw new HttpFault(409, 'the statement that was shown is not the one that is held');
    const shown = requestDigest(approval);
    if ((seen ?? shown) !== shown)
      throw new HttpFault(
        409,
        'what was shown is not what is held: its record was changed since. Reload, and look again',
      );
    replyJson(response, 200, await book.decide(id, { by: as, verdict, reason, shown }));
  }

  async function replay({ response, id, query }: Call): Promise<void> {
    const from = Number(query.get('from') ?? 0);
    if (!Number.isSafeInteger(from) || from < 0) throw new HttpFault(400, 'from is the number of an event');
    const events = await audit.events(id);
    if (events.length === 0) throw new HttpFault(404, `there is no session ${id}`);
    const summary = (await audit.sessions()).find(one => one.session === id) ?? null;
    // Verifying re-hashes the whole record: once per replay, not once per page of it.
    const report = from === 0 ? await audit.verify(id) : null;
    replyJson(response, 200, {
      session: id,
      summary,
      total: events.length,
      events: events.slice(from, from + EVENTS_PER_PAGE),
      report,
    });
  }

  async function answer(request: IncomingMessage, response: ServerResponse, path: string, search: string) {
    const port = request.socket.localPort ?? 0;
    const fault = hostFault(request.headers.host, port);
    if (fault !== null) throw new HttpFault(403, fault, { connection: 'close' });
    const asset = assets.get(path);
    if (asset !== undefined) {
      if (request.method !== 'GET' && request.method !== 'HEAD') throw wrongMethod(['GET', 'HEAD']);
      return reply(response, 200, asset.type, asset.body);
    }
    const matching = routes.filter(route => route.path.test(path));
    if (matching.length === 0) throw new HttpFault(404, `there is nothing at ${path}`);
    const route = matching.find(one => one.method === request.method);
    if (route === undefined) throw wrongMethod(matching.map(one => one.method));
    if (route.method === 'GET') {
      const site = siteFault(request.headers, 'read');
      if (site !== null) throw new HttpFault(403, site);
    }
    const id = decoded(route.path.exec(path)?.[1] ?? '');
    return route.run({ request, response, query: new URLSearchParams(search), id, port });
  }

  const listener = (request: IncomingMessage, response: ServerResponse): boolean => {
    const [path = '', search = ''] = (request.url ?? '').split(/\?(.*)/s);
    if (!assets.has(path) && !path.startsWith('/api/')) return false;
    answer(request, response, path, search).catch(fault => fail(response, fault, report));
    return true;
  };
  return Object.assign(listener, { close: () => streams.close() });
}

async function find(book: ApprovalBook, id: string): Promise<Approval> {
  const approval = await book.get(id);
  if (approval === null) throw new HttpFault(404, `there is no approval ${id}`);
  return approval;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HttpFault(400, 'the address is not well formed');
  }
}

function wrongMethod(allowed: readonly string[]): HttpFault {
  return new HttpFault(405, `use ${allowed.join(' or ')} here`, {
    allow: allowed.join(', '),
    connection: 'close',
  });
}

function fail(response: ServerResponse, fault: unknown, report: (fault: unknown) => void): void {
  if (response.destroyed) {
    // The caller has gone. That they broke off in the middle of the body is theirs; anything else is still ours to know.
    if ((fault as NodeJS.ErrnoException).code !== 'ECONNRESET') report(fault);
  } else if (response.headersSent) {
    report(fault);
    response.destroy();
  } else if (fault instanceof HttpFault)
    replyJson(response, fault.status, { error: fault.message }, fault.headers);
  else if (fault instanceof IllegalMove) replyJson(response, 409, { error: fault.message });
  else if (fault instanceof HoldpointError && fault.sqlstate.startsWith('58')) {
    report(fault);
    replyJson(response, 503, { error: fault.message });
  } else {
    report(fault);
    replyJson(response, 500, { error: 'internal error: the log of the server has more' });
  }
}

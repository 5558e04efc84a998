import { randomBytes, randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HoldpointError } from '#schemas/errors.ts';
import type { Access, Policy, Target } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import { SharedCatalog } from './catalogs.ts';
import type { Holds } from './hold/hold.ts';
import { toPrincipal } from './identity/principal.ts';
import type { TokenVerifier } from './identity/verify.ts';
import { accessEnds, openAccess } from './policy/access.ts';
import { analyse, withBody } from './policy/analyse.ts';
import { judge } from './policy/judge.ts';
import type { Clock, Recorder, Secrets } from './ports.ts';
import { Handshake } from './session/handshake.ts';
import { readStartupParameters, type StartupParameters } from './session/parameters.ts';
import type { SessionLimits } from './session/parts.ts';
import { Session } from './session/session.ts';
import { cancelUpstream } from './upstream/cancel.ts';
import { connectUpstream, type UpstreamConnection } from './upstream/connect.ts';
import { BACKEND, encode, encodeError, encodeParameterStatus, encodeReady, int32 } from './wire/backend.ts';

export interface ProxyLimits extends SessionLimits {
  /** Milliseconds from accept to the session's first ReadyForQuery. */
  readonly startMs: number;
  readonly connections: number;
  readonly connectionsPerPrincipal: number;
}

export const DEFAULT_LIMITS: ProxyLimits = {
  messageBytes: 64 * 1024 * 1024,
  aheadBytes: 16 * 1024 * 1024,
  names: 10_000,
  startMs: 30_000,
  connections: 2_000,
  connectionsPerPrincipal: 1_000,
};

export interface ProxyOptions {
  readonly policy: Policy;
  readonly verifier: TokenVerifier;
  readonly recorder: Recorder;
  readonly holds: Holds;
  readonly secrets: Secrets;
  /** PEM of the authority of each target that has one, by target. */
  readonly authorities: ReadonlyMap<string, string>;
  /** Key of `hash` masks: 32 bytes, kept as long as masked values shall be joinable. */
  readonly maskKey: Buffer;
  readonly limits: ProxyLimits;
  readonly clock: Clock;
  readonly log: (message: string, error?: unknown) => void;
}

/** Told this long before a session is cut. */
const WARN_MS = 60_000;
const UPSTREAM_MS = 10_000;

interface Live {
  readonly session: Session;
  readonly key: Buffer;
}

/**
 * The proxy: accepts connections, finds out who asks for what, opens the session on the target and hands both ends to a Session.
 * Each connection is its own promise: one that says nothing keeps nobody else waiting, and is cut at its deadline.
 */
export class ProxyServer {
  private readonly options: ProxyOptions;
  private readonly live = new Map<number, Live>();
  private readonly starting = new Set<Duplex>();
  private readonly perPrincipal = new Map<string, number>();
  private readonly catalogs = new Map<string, SharedCatalog>();
  private closing = false;

  constructor(options: ProxyOptions) {
    this.options = options;
  }

  get sessions(): number {
    return this.live.size;
  }

  /** A TCP server in front of it, not yet listening. */
  server(): Server {
    return createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, allowHalfOpen: true },
      socket => this.accept(socket, addressOf(socket)),
    );
  }

  /** Takes one agent's connection, whatever carries it; `address` is for the record. */
  accept(socket: Duplex, address: string): void {
    socket.on('error', () => socket.destroy());
    if (this.closing || this.live.size + this.starting.size >= this.options.limits.connections) {
      socket.end(encodeError(new HoldpointError(this.closing ? 'shutdown' : 'too_many'), 'FATAL'));
      return;
    }
    this.starting.add(socket);
    const abort = new AbortController();
    const timer = setTimeout(
      () => abort.abort(new HoldpointError('start_timeout')),
      this.options.limits.startMs,
    );
    socket.once('close', () => abort.abort(new HoldpointError('start_timeout', 'the agent has gone')));
    const handshake = new Handshake(socket);
    aborted(abort.signal, this.open(socket, handshake, address, abort.signal))
      .catch(error => {
        const fault =
          error instanceof HoldpointError
            ? error
            : new HoldpointError('internal', undefined, { cause: error });
        if (fault.code === 'internal') this.options.log('a session could not be opened', error);
        handshake.release();
        socket.resume();
        if (socket.writable) socket.end(encodeError(fault, 'FATAL'));
        setTimeout(() => socket.destroy(), 1000).unref();
      })
      .finally(() => {
        clearTimeout(timer);
        this.starting.delete(socket);
      });
  }

  /** Refuses new connections, withdraws what is held, tells every session, and resolves when all have ended. */
  async close(): Promise<void> {
    this.closing = true;
    this.options.holds.withdrawAll('the proxy is shutting down');
    for (const { session } of this.live.values()) session.end(new HoldpointError('shutdown'));
    for (const socket of this.starting) socket.destroy();
    for (const catalog of this.catalogs.values()) catalog.close();
    while (this.live.size > 0) await new Promise(resolve => setImmediate(resolve));
  }

  private async open(
    socket: Duplex,
    handshake: Handshake,
    address: string,
    signal: AbortSignal,
  ): Promise<void> {
    const minor = await this.firstPacket(socket, handshake);
    if (minor === null) return;
    const { startup, version } = minor;
    const asked = readStartupParameters(startup);
    if (version > 2 || asked.unknownOptions.length > 0)
      socket.write(
        encode(
          BACKEND.negotiateProtocolVersion,
          int32(2, asked.unknownOptions.length),
          ...asked.unknownOptions,
        ),
      );
    const who = await this.identify(await handshake.password(), asked);
    const release = this.countIn(who.principal);
    try {
      await this.start(socket, handshake, address, signal, asked, who, version >= 2, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  private async firstPacket(
    socket: Duplex,
    handshake: Handshake,
  ): Promise<{ startup: ReadonlyMap<string, string>; version: number } | null> {
    for (let asked = 0; ; asked++) {
      const packet = await handshake.firstPacket();
      if (packet === null) {
        socket.destroy();
        return null;
      }
      switch (packet.kind) {
        case 'ssl':
        case 'gss':
          if (asked > 1) throw new HoldpointError('protocol', 'too many encryption requests');
          handshake.answer('N');
          break;
        case 'cancel':
          this.cancel(packet.processId, packet.secretKey);
          socket.end();
          return null;
        case 'startup':
          if (packet.major !== 3)
            throw new HoldpointError(
              'protocol',
              `unsupported frontend protocol ${packet.major}.${packet.minor}: server supports 3.0 to 3.2`,
            );
          return { startup: packet.parameters, version: packet.minor };
      }
    }
  }

  /** Who asks, and may they? The token is looked at before the target: a stranger learns no names. */
  private async identify(token: string, asked: StartupParameters): Promise<Who> {
    const { policy, verifier, clock } = this.options;
    const principal = toPrincipal(await verifier.verify(token), policy.groups);
    const target = policy.targets[asked.database];
    if (target === undefined)
      throw new HoldpointError('unknown_target', `no target "${asked.database.slice(0, 63)}"`, {
        hint: 'The database name of the connection names a target of the policy.',
      });
    const role = target.roles[asked.user];
    if (role === undefined)
      throw new HoldpointError(
        'unknown_role',
        `target "${asked.database}" has no role "${asked.user.slice(0, 63)}"`,
        {
          hint: 'The user name of the connection names one of the roles of the target.',
        },
      );
    const now = clock();
    const access = openAccess(policy, { principal, target: asked.database, role: asked.user, now });
    if (access === null)
      throw new HoldpointError(
        'access_denied',
        `no access rule opens a session on "${asked.database}" as "${asked.user}" now`,
      );
    return {
      principal,
      target,
      name: asked.database,
      role: asked.user,
      user: role.user ?? asked.user,
      secret: role.secret,
      access,
      ends: accessEnds(access, now),
    };
  }

  private async start(
    socket: Duplex,
    handshake: Handshake,
    address: string,
    signal: AbortSignal,
    asked: StartupParameters,
    who: Who,
    longKey: boolean,
    release: () => void,
  ): Promise<void> {
    const { options } = this;
    if (who.access.readOnly) asked.settings.set('default_transaction_read_only', 'on');
    const { connection, version } = await this.connect(who, asked.settings, signal);
    try {
      const catalog = this.catalogOf(who);
      await new Promise<void>((resolve, reject) => {
        catalog.whenFresh(error => (error === null ? resolve() : reject(error)));
      });
      this.check(connection);
      const id = randomUUID();
      const ticket = options.recorder.append(id, 'session.open', {
        access: who.access.name,
        address,
        application: asked.application,
        credential: version,
        database: who.target.database,
        email: who.principal.email ?? null,
        groups: who.principal.groups,
        issuer: who.principal.issuer,
        policyVersion: options.policy.policyVersion,
        readOnly: who.access.readOnly,
        role: who.role,
        subject: who.principal.subject,
        target: who.name,
      });
      await new Promise<void>((resolve, reject) => {
        options.recorder.whenDurable(ticket, fault => (fault === null ? resolve() : reject(fault)));
      });
      if (signal.aborted || handshake.gone || this.closing) {
        options.recorder.append(id, 'session.close', {
          reason: 'the agent left before the session was open',
          statements: 0,
        });
        throw new HoldpointError(this.closing ? 'shutdown' : 'start_timeout');
      }
      this.run(id, socket, handshake, who, connection, catalog, longKey, release);
    } catch (error) {
      connection.socket.destroy();
      throw error;
    }
  }

  private run(
    id: string,
    socket: Duplex,
    handshake: Handshake,
    who: Who,
    connection: UpstreamConnection,
    catalog: SharedCatalog,
    longKey: boolean,
    release: () => void,
  ): void {
    const { options } = this;
    const { policy } = options;
    const processId = this.unusedId();
    const key = randomBytes(longKey ? 32 : 4);
    const trailing = handshake.release();
    const hello = [encode(BACKEND.authentication, int32(0))];
    for (const [name, value] of connection.parameters) hello.push(encodeParameterStatus(name, value));
    hello.push(encode(BACKEND.backendKeyData, int32(processId), key), encodeReady('I'));
    socket.write(Buffer.concat(hello));
    const timers: NodeJS.Timeout[] = [];
    const session = new Session({
      session: id,
      principal: who.principal,
      recorder: options.recorder,
      holds: options.holds,
      now: () => performance.now(),
      client: socket,
      upstream: connection.socket,
      parameters: connection.parameters,
      target: who.name,
      database: who.target.database,
      role: who.role,
      user: who.user,
      policyVersion: policy.policyVersion,
      readOnly: who.access.readOnly,
      catalog,
      maskKey: options.maskKey,
      limits: options.limits,
      analyse: (text, searchPath) => {
        const { current } = catalog;
        if (current === null) throw new HoldpointError('catalog_unavailable');
        return analyse(text, current, searchPath);
      },
      decide: (statements, inTransaction) =>
        judge(
          policy,
          { principal: who.principal, target: who.name, role: who.role, inTransaction },
          statements,
        ),
      withBody,
      cancelUpstream: () => {
        const { processId: pid, secretKey } = connection;
        cancelUpstream({ ...this.endpoint(who), processId: pid, secretKey, deadlineMs: UPSTREAM_MS }).catch(
          error => options.log('a cancel request did not reach the server', error),
        );
      },
      closed: (reason, statements) => {
        for (const timer of timers) clearTimeout(timer);
        this.live.delete(processId);
        release();
        options.recorder.append(id, 'session.close', { reason, statements });
      },
      log: options.log,
    });
    this.live.set(processId, { session, key });
    const left = who.ends - options.clock();
    const warnIn = Math.max(0, left - WARN_MS);
    timers.push(
      setTimeout(
        () => session.notice(`this session ends in ${Math.round(Math.min(left, WARN_MS) / 1000)} seconds`),
        warnIn,
      ),
      setTimeout(() => session.end(new HoldpointError('session_over')), Math.max(0, left)),
    );
    if (connection.trailing.length > 0) connection.socket.unshift(connection.trailing);
    if (trailing.length > 0) socket.unshift(trailing);
    connection.socket.resume();
    socket.resume();
  }

  /** The credential lives for the length of the handshake. */
  private async connect(
    who: Who,
    settings: ReadonlyMap<string, string>,
    signal?: AbortSignal,
  ): Promise<{ connection: UpstreamConnection; version: string }> {
    const credential = who.secret === undefined ? null : await this.options.secrets.fetch(who.secret);
    const connection = await connectUpstream({
      ...this.endpoint(who),
      user: who.user,
      password: credential?.password ?? null,
      weakAuth: who.target.weakAuth,
      database: who.target.database,
      parameters: settings,
      deadlineMs: UPSTREAM_MS,
      signal,
    });
    return { connection, version: credential?.version ?? 'none' };
  }

  private endpoint(who: Who) {
    return {
      host: who.target.host,
      port: who.target.port,
      tls: who.target.tls,
      ca: this.options.authorities.get(who.name),
    };
  }

  private catalogOf(who: Who): SharedCatalog {
    const key = `${who.name}\0${who.user}`;
    let catalog = this.catalogs.get(key);
    if (catalog === undefined) {
      const columns = this.options.policy.protected
        .filter(p => p.targets === undefined || p.targets.includes(who.name))
        .map(({ column, mask }) => {
          const [schema = '', table = '', name = ''] = column.split('.');
          return { schema, table, column: name, mask };
        });
      catalog = new SharedCatalog({
        connect: async () => (await this.connect(who, CATALOG_SETTINGS)).connection,
        columns,
        warn: message => this.options.log(`target ${who.name}: ${message}`),
      });
      this.catalogs.set(key, catalog);
    }
    return catalog;
  }

  /** A server that reads text otherwise than the proxy does is no server for it. */
  private check({ parameters }: UpstreamConnection): void {
    if (
      parameters.get('client_encoding') !== 'UTF8' ||
      parameters.get('standard_conforming_strings') !== 'on'
    )
      throw new HoldpointError(
        'upstream_unavailable',
        'the server does not read statements as the proxy does',
        {
          detail: 'client_encoding has to be UTF8 and standard_conforming_strings on.',
        },
      );
  }

  private cancel(processId: number, key: Buffer): void {
    const live = this.live.get(processId);
    if (live !== undefined && live.key.length === key.length && timingSafeEqual(live.key, key))
      live.session.cancel();
  }

  private countIn(principal: Principal): () => void {
    const key = `${principal.issuer}\0${principal.subject}`;
    const count = this.perPrincipal.get(key) ?? 0;
    if (count >= this.options.limits.connectionsPerPrincipal)
      throw new HoldpointError('too_many', `more than ${count} connections of one principal`);
    this.perPrincipal.set(key, count + 1);
    let done = false;
    return () => {
      if (done) return;
      done = true;
      const left = (this.perPrincipal.get(key) ?? 1) - 1;
      if (left > 0) this.perPrincipal.set(key, left);
      else this.perPrincipal.delete(key);
    };
  }

  private unusedId(): number {
    for (;;) {
      const id = randomInt(1, 2 ** 31 - 1);
      if (!this.live.has(id)) return id;
    }
  }
}

interface Who {
  readonly principal: Principal;
  readonly target: Target;
  readonly name: string;
  readonly role: string;
  readonly user: string;
  readonly secret: string | undefined;
  readonly access: Access;
  readonly ends: number;
}

/** Names come out qualified, and nothing that the catalog connection does can write. */
const CATALOG_SETTINGS: ReadonlyMap<string, string> = new Map([
  ['application_name', 'holdpoint catalog'],
  ['client_encoding', 'UTF8'],
  ['search_path', 'pg_catalog'],
  ['default_transaction_read_only', 'on'],
]);

function aborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

function addressOf(socket: Socket): string {
  return `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
}

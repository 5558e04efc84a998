import './young-generation.ts';
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { HoldpointError } from '#schemas/errors.ts';
import type { Policy } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import { admit, identify } from './admission.ts';
import type { SharedCatalog } from './catalogs.ts';
import type { ServerCertificate } from './door/certificate.ts';
import { needsTls } from './door/clear.ts';
import { Entrance } from './door/entrance.ts';
import { proveHolder, wayOf } from './door/token.ts';
import { enterByApproval } from './enter-by-approval.ts';
import { ENTRY, type Grant } from './entry.ts';
import { greeting, negotiation, WELCOME } from './greeting.ts';
import type { Holds } from './hold/hold.ts';
import { assertGateway } from './identity/gateway.ts';
import type { TokenVerifier } from './identity/verify.ts';
import { judgedBy } from './judged-by.ts';
import { limitsOf, type ProxyLimits, type Quotas, quotasOf } from './limits.ts';
import { LiveSessions } from './live-sessions.ts';
import { Lobby } from './lobby.ts';
import { type Approved, type Newcomer, type Opening, openBody } from './opening.ts';
import type { Clock, GroupResolver, Recorder, Secrets } from './ports.ts';
import { readStartupParameters } from './session/parameters.ts';
import { DEFAULT_READ_ONLY } from './session/server-line.ts';
import { Session } from './session/session.ts';
import { endAt } from './session-end.ts';
import { judgeSettings } from './start-settings.ts';
import { Targets } from './targets.ts';
import type { UpstreamConnection } from './upstream/connect.ts';
import { called, unlessAborted } from './waits.ts';

export interface ProxyOptions {
  readonly policy: Policy;
  readonly verifier: TokenVerifier;
  /** Where the groups are of issuers whose entry names a directory. */
  readonly directory?: GroupResolver | undefined;
  readonly recorder: Recorder;
  readonly holds: Holds;
  readonly secrets: Secrets;
  /** PEM of the authority of each target that has one, by target. */
  readonly authorities: ReadonlyMap<string, string>;
  /** Key of `hash` masks: 32 bytes, kept as long as masked values shall be joinable. */
  readonly maskKey: Buffer;
  /** What TLS towards agents is done with; without it SSLRequest is answered with N. */
  readonly certificate?: ServerCertificate | undefined;
  /** Where a person decides on an approval, for the notice that the agent gets. */
  readonly approveAt: (id: string) => string;
  readonly clock: Clock;
  readonly log: (message: string, error?: unknown) => void;
}

/** On shutdown, what runs is cancelled after this time, and sessions are cut after that one: then there is time left to flush. */
const CANCEL_MS = 5_000;
const CUT_MS = 7_000;
/** How long what was said last may take to leave. */
const LAST_WORDS_MS = 500;
/** Memory of one session that is not counted yet. */
const MEMORY_STEP = 16 * 1024;

/**
 * The proxy: accepts connections, finds out who asks for what, opens the session on the target and hands both ends to a Session.
 * Each connection is its own promise: one that says nothing keeps nobody else waiting, and is cut at its deadline.
 */
export class ProxyServer {
  private readonly options: ProxyOptions;
  private readonly targets: Targets;
  private readonly limits: ProxyLimits;
  private readonly lobby: Lobby;
  private readonly quotas: Quotas;
  private readonly live = new LiveSessions();
  private readonly starting = new Set<AbortController>();
  /** Sessions that are over and whose last words have not left yet. */
  private readonly leaving = new Set<Promise<void>>();
  private readonly asking = new Set<Promise<void>>();
  private closing = false;

  constructor(options: ProxyOptions) {
    this.options = options;
    this.targets = new Targets(options.policy, options.secrets, options.authorities, options.log);
    if (options.policy.agents.tls === 'required' && options.certificate === undefined)
      options.log(
        'the policy demands TLS of agents and there is no certificate: only tunnels over https get in',
      );
    this.limits = limitsOf(options.policy);
    this.lobby = new Lobby(this.limits.unproven);
    this.quotas = quotasOf(options.policy);
  }

  /** A TCP server in front of it, not yet listening. */
  server(): Server {
    const socket = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, allowHalfOpen: true };
    return createServer(socket, connection => this.accept(connection, addressOf(connection)));
  }

  /** Whose token this is, for a door that asks before there is a connection. Rejects as `admit` does, before any target is named. */
  identify(token: string): Promise<Principal> {
    const { policy, verifier, directory } = this.options;
    return identify(policy, verifier, directory, token);
  }

  /** The same behind a gateway that has looked at a token too, which must not be of somebody else. */
  async identifyBehind(gateway: string | null, token: string): Promise<Principal> {
    const principal = await this.identify(token);
    assertGateway(gateway, principal, this.options.policy.agents.gateway);
    return principal;
  }

  /** Whether a token may come over this connection only inside TLS; for other doors than TCP too. */
  needsTls(socket: Duplex): boolean {
    return needsTls(this.options.policy.agents.tls, socket);
  }

  /**
   * Takes one agent's connection, whatever carries it; `address` is for the record. With `known` (a tunnel, whose token has been proven)
   * no password is asked for, and the session is theirs; TLS inside the tunnel is then answered with N.
   */
  accept(socket: Duplex, address: string, known?: Principal): void {
    socket.on('error', () => socket.destroy());
    if (this.closing) {
      new Entrance(socket).refuse(new HoldpointError('shutdown'));
      return;
    }
    const abort = new AbortController();
    this.starting.add(abort);
    const late = () => abort.abort(new HoldpointError('start_timeout'));
    let timer = setTimeout(late, this.limits.startMs);
    const gone = () => abort.abort(new HoldpointError('start_timeout', 'the agent has gone'));
    socket.once('close', gone);
    const door = { certificate: this.options.certificate, clearRefused: this.needsTls(socket) };
    const newcomer: Newcomer = {
      entrance: new Entrance(socket, known === undefined ? door : {}),
      address,
      signal: abort.signal,
      known,
      proven: known === undefined ? this.lobby.enter(fault => abort.abort(fault)) : () => {},
      leave: () => {},
      gone,
      patience: waits => {
        clearTimeout(timer);
        if (!waits && !abort.signal.aborted) timer = setTimeout(late, this.limits.startMs);
      },
      welcomed: false,
      started: false,
    };
    unlessAborted(abort.signal, this.open(newcomer))
      .catch(error => {
        const fault =
          error instanceof HoldpointError
            ? error
            : new HoldpointError('internal', undefined, { cause: error });
        if (fault.code === 'internal') this.options.log('a session could not be opened', error);
        newcomer.entrance.refuse(fault);
      })
      .finally(() => {
        clearTimeout(timer);
        newcomer.proven();
        if (!newcomer.started) newcomer.leave();
        this.starting.delete(abort);
      });
  }

  /**
   * Refuses new connections, withdraws what is held, ends every session, those in which something runs once that has been answered, and
   * resolves when all have ended: after a few seconds at the latest.
   */
  async close(): Promise<void> {
    this.closing = true;
    this.options.holds.withdrawAll('the proxy is shutting down');
    const fault = new HoldpointError('shutdown');
    for (const abort of this.starting) abort.abort(fault);
    const each = (work: (session: Session) => void) => this.live.all.forEach(work);
    each(session => session.retire(fault));
    const timers = [
      setTimeout(() => each(session => session.cancel()), CANCEL_MS),
      setTimeout(() => each(session => session.end(fault)), CUT_MS),
    ];
    await this.live.empty();
    for (const timer of timers) clearTimeout(timer);
    this.targets.close();
    await Promise.allSettled(this.asking);
    const late = new AbortController();
    const patience = pause(LAST_WORDS_MS, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([Promise.all(this.leaving), patience]);
    late.abort();
  }

  private async open(newcomer: Newcomer): Promise<void> {
    const { entrance, known, signal } = newcomer;
    if (known !== undefined) newcomer.leave = this.quotas.connections.enter(known);
    const first = await this.firstPacket(entrance);
    if (first === null) return;
    const { socket, handshake } = entrance;
    const asked = readStartupParameters(first.parameters);
    const negotiated = negotiation(first.minor, asked.unknownOptions);
    if (negotiated !== null) socket.write(negotiated);
    const { policy } = this.options;
    const way = wayOf(policy, asked.authentication);
    const principal = known ?? (await proveHolder(handshake, way, policy, token => this.identify(token)));
    signal.throwIfAborted();
    newcomer.proven();
    if (known === undefined) newcomer.leave = this.quotas.connections.enter(principal);
    const arrival: Opening['arrival'] =
      known === undefined
        ? { transport: 'tcp', tls: entrance.tls, authentication: way }
        : { transport: 'tunnel', tls: null, authentication: 'tunnel' };
    const seat = admit(policy, principal, asked, this.options.clock());
    judgeSettings(policy, seat, asked);
    const opening = { id: randomUUID(), newcomer, arrival, asked, seat, longKey: first.minor >= 2 };
    const { approval } = seat.access;
    if (approval === undefined) await this.start(opening, null);
    else
      await this.tracked(
        enterByApproval(opening, approval, this.options, (seat, approved) =>
          this.start({ ...opening, seat }, approved),
        ),
      );
  }

  /** Shutting down waits until it has said in the record how it ended. */
  private async tracked(work: Promise<void>): Promise<void> {
    this.asking.add(work);
    try {
      await work;
    } finally {
      this.asking.delete(work);
    }
  }

  private async firstPacket(entrance: Entrance) {
    const packet = await entrance.first();
    if (packet === null) {
      entrance.socket.destroy();
      return null;
    }
    if (packet.kind === 'cancel') {
      this.live.cancel(packet.processId, packet.secretKey);
      entrance.socket.end();
      return null;
    }
    return packet;
  }

  private async start(opening: Opening, approved: Approved | null): Promise<void> {
    const { id, seat, asked, newcomer } = opening;
    const { signal } = newcomer;
    const { recorder, policy } = this.options;
    if (seat.access.readOnly) {
      asked.settings.set(DEFAULT_READ_ONLY, 'on');
      asked.sent.push([DEFAULT_READ_ONLY, 'on']);
    }
    const { connection, credential } = await this.targets
      .connect(seat, asked.settings, signal, asked.sent)
      .catch((error: unknown) => {
        // The server looks at settings once it has let the user in.
        const letIn = error instanceof HoldpointError && error.code === 'startup_setting';
        if (letIn && !newcomer.welcomed) newcomer.entrance.socket.write(WELCOME);
        throw error;
      });
    try {
      const catalog = this.targets.catalog(seat, connection);
      await called(done => catalog.whenFresh(done));
      if (approved === null) {
        const ticket = recorder.append(
          id,
          'session.open',
          openBody(opening, policy.policyVersion, credential),
        );
        await called(done => recorder.whenDurable(ticket, done));
      }
      if (signal.aborted || newcomer.entrance.handshake.gone || this.closing) {
        const reason = 'the agent left before the session was open';
        if (approved === null) recorder.append(id, 'session.close', { reason, statements: 0 });
        else approved.entry.failed(reason);
        throw new HoldpointError(this.closing ? 'shutdown' : 'start_timeout');
      }
      approved?.entry.opened(credential);
      this.run(opening, approved?.grant ?? null, connection, catalog);
    } catch (error) {
      connection.socket.destroy();
      throw error;
    }
  }

  private run(
    opening: Opening,
    grant: Grant | null,
    connection: UpstreamConnection,
    catalog: SharedCatalog,
  ): void {
    const { options } = this;
    const { policy } = options;
    const { id, newcomer, seat } = opening;
    const { socket, handshake } = newcomer.entrance;
    const { processId } = connection;
    const key = randomBytes(opening.longKey ? 32 : 4);
    const unread = handshake.release();
    newcomer.started = true;
    // A trigger on login may say anything.
    const shown = catalog.current?.hasProtected === false;
    socket.write(greeting(connection, { welcomed: newcomer.welcomed, key, shown }));
    let stop = () => {};
    let unfollow = () => {};
    const memory = this.quotas.memory.share(seat.principal, MEMORY_STEP);
    const session = new Session({
      ...options,
      limits: this.limits,
      memory,
      session: id,
      principal: seat.principal,
      now: () => performance.now(),
      client: socket,
      upstream: connection.socket,
      processId,
      reads: connection.reads,
      parameters: connection.parameters,
      counted: grant === null ? 0 : ENTRY,
      given: opening.asked.settings.keys(),
      target: seat.name,
      database: seat.target.database,
      role: seat.role,
      user: seat.user,
      policyVersion: policy.policyVersion,
      readOnly: seat.access.readOnly,
      catalog,
      ...judgedBy(policy, seat, catalog),
      cancelUpstream: () =>
        this.targets
          .cancel(seat, connection)
          .catch(error => options.log('a cancel request did not reach the server', error)),
      closed: (reason, statements) => {
        stop();
        unfollow();
        options.recorder.append(id, 'session.close', { reason, statements });
        const left = finished(socket, { readable: false }).catch(() => {});
        this.leaving.add(left);
        void left.then(() => this.leaving.delete(left));
        newcomer.leave();
        memory.leave();
        this.live.remove(id);
      },
    });
    this.live.add(id, { session, processId, key });
    stop = endAt(session, seat.ends - options.clock());
    if (grant !== null)
      unfollow = options.holds.follow(grant.approval, ({ why, revocation }) => {
        try {
          if (revocation !== null)
            options.recorder.append(id, 'decision', { approval: grant.approval.id, n: ENTRY, ...revocation });
        } catch (error) {
          options.log(`session ${id} ends, and the record does not show who revoked it`, error);
        }
        session.end(new HoldpointError('session_over', `the session has ended: ${why}`));
      });
    if (connection.trailing.length > 0) connection.socket.unshift(connection.trailing);
    if (unread.length > 0) socket.unshift(unread);
    connection.socket.resume();
    socket.resume();
  }
}

function addressOf(socket: Socket): string {
  return `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
}

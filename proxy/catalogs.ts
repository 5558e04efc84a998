import type { Duplex } from 'node:stream';
import { HoldpointError } from '#schemas/errors.ts';
import { Catalog } from './catalog/load.ts';
import { CatalogLoader } from './catalog/loader.ts';
import { inWordsOf } from './catalog/older.ts';
import type { ProtectedName } from './catalog/protect.ts';
import { Changes } from './session/changing.ts';
import type { CatalogHandle, SessionCatalog } from './session/parts.ts';
import { Rewirings } from './session/rewirings.ts';
import type { UpstreamConnection } from './upstream/connect.ts';
import { wasEnded } from './upstream/faults.ts';
import { OwnConnection } from './upstream/query.ts';

export interface SharedCatalogOptions {
  readonly connect: () => Promise<UpstreamConnection>;
  readonly columns: readonly ProtectedName[];
  readonly warn: (message: string) => void;
  /** How often the target is asked whether somebody else has changed its catalog. */
  readonly pollMs?: number;
  /** How long the connection outlasts the last session. */
  readonly lingerMs?: number;
  /** How long a statement waits for a catalog before it is refused, connecting included. */
  readonly deadlineMs?: number;
}

/** The connection is given up when no session has needed it for so long. */
const IDLE_MS = 60_000;
/**
 * And so long after the last session has ended: while anybody is connected, the server lets nobody drop, rename or copy the database. It
 * waits five seconds for them to go. Who connects for each statement anew finds the catalog as it was.
 */
const LINGER_MS = 1_000;
/** How long one question waits for a lock that somebody's open transaction holds. */
const LOCK_MS = 250;
/**
 * A load that the server refuses, since an object went while it was being described, say, is tried so often; and one whose session somebody
 * has ended, which is no agent's to see.
 */
const TRIES = 3;

/**
 * The catalog of one target, shared by its sessions: loaded over a connection of the proxy's own, loaded again when a session has run
 * something that may have changed it, and asked every two seconds whether anybody else has. While it may be stale there is none, and
 * statements wait: they are never judged by an old one that is known to be old. They do not wait for ever: a load that has not come
 * to its end within the deadline is given up together with its connection, and they are refused.
 */
export class SharedCatalog implements CatalogHandle {
  readonly rewirings = new Rewirings(
    new Changes({ query: text => this.query(text), changed: () => this.invalidate() }),
  );
  private readonly options: SharedCatalogOptions;
  private connection: OwnConnection | null = null;
  private loader: CatalogLoader | null = null;
  private loaded: Catalog | null = null;
  /** False after a load beside somebody's lock: then the next poll loads. */
  private complete = false;
  private stale = true;
  private busy = false;
  private again = false;
  /** A connection that is there too late belongs to an earlier one, and is closed. */
  private attempt = 0;
  private closed = false;
  private usedAt = Date.now();
  /** Since the last poll. */
  private used = false;
  private readonly users = new Set<Duplex>();
  private lingering: NodeJS.Timeout | undefined;
  /** Somebody waits for the connection to be free. */
  private resting: (() => void)[] = [];
  private confirming: Promise<void> = Promise.resolve();
  private next: Promise<void> | null = null;
  private waiting: ((error: HoldpointError | null) => void)[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(options: SharedCatalogOptions) {
    this.options = options;
    this.timer = setInterval(() => void this.poll(), options.pollMs ?? 2_000);
    this.timer.unref();
  }

  /** A session uses it until its own connection to the target is closed. */
  usedBy(upstream: Duplex): void {
    if (upstream.closed) return;
    this.users.add(upstream);
    clearTimeout(this.lingering);
    upstream.once('close', () => {
      this.users.delete(upstream);
      this.linger();
    });
  }

  private linger(): void {
    clearTimeout(this.lingering);
    if (this.users.size > 0 || this.closed) return;
    this.lingering = setTimeout(() => {
      if (this.busy) this.linger();
      else this.giveUp();
    }, this.options.lingerMs ?? LINGER_MS);
    this.lingering.unref();
  }

  get current(): Catalog | null {
    this.used = true;
    // Ended by somebody, who may have dropped the database and made another one of its name.
    if (this.connection?.closed === true && !this.busy) this.stale = true;
    return this.stale ? null : this.loaded;
  }

  invalidate(): void {
    this.stale = true;
    // What is being read may have been read before the change.
    if (this.busy) this.again = true;
  }

  whenFresh(done: (error: HoldpointError | null) => void): void {
    if (this.closed) {
      done(new HoldpointError('catalog_unavailable'));
      return;
    }
    if (!this.stale) {
      done(null);
      return;
    }
    this.waiting.push(done);
    if (!this.busy) void this.freshen();
  }

  confirm(): Promise<void> {
    // Whoever asks while somebody else's question is under way needs another one; all of them together need one.
    this.next ??= this.confirming
      .catch(() => {})
      .then(() => {
        this.next = null;
        this.confirming = this.ask();
        return this.confirming;
      });
    return this.next;
  }

  private async ask(): Promise<void> {
    while (this.busy) await new Promise<void>(free => this.resting.push(free));
    const { loader } = this;
    if (!this.stale && loader !== null && this.complete && (await this.unchanged(loader))) return;
    // As in `poll`: what is loaded holds where nothing says that it has changed.
    if (this.complete) this.invalidate();
    if (this.closed) throw new HoldpointError('catalog_unavailable');
    await new Promise<void>((resolve, reject) => {
      this.waiting.push(error => (error === null ? resolve() : reject(error)));
      if (!this.busy) void this.freshen();
    });
  }

  private rest(): void {
    this.busy = false;
    for (const free of this.resting.splice(0)) free();
  }

  /** By the questions of the loader at hand; without one, nothing can be told. */
  async seenBy(
    query: (text: string) => Promise<(string | null)[][]>,
    last: SessionCatalog | null,
  ): Promise<Catalog | null> {
    const { connection, loader } = this;
    if (connection === null || loader === null) return null;
    const before = last instanceof Catalog ? last : null;
    return await loader.seenBy(inWordsOf(connection.serverVersion, query), before);
  }

  /** By the connection that is there. */
  private async query(text: string): Promise<(string | null)[][]> {
    if (this.connection === null) throw new HoldpointError('catalog_unavailable');
    return await this.connection.query(text);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    clearTimeout(this.lingering);
    this.drop();
    this.stale = true;
    this.answer(new HoldpointError('catalog_unavailable'));
  }

  /** Loads until nothing has been invalidated since the load began. The only one that talks to the target, poll apart. */
  private async freshen(): Promise<void> {
    this.busy = true;
    let fault: HoldpointError | null = null;
    const deadline = performance.now() + (this.options.deadlineMs ?? 10_000);
    try {
      do {
        this.again = false;
        await this.within(deadline, this.load());
      } while (this.again);
      this.stale = this.closed;
    } catch (cause) {
      this.drop();
      this.stale = true;
      fault =
        cause instanceof HoldpointError
          ? cause
          : new HoldpointError('catalog_unavailable', undefined, { cause });
    }
    this.rest();
    this.answer(fault);
  }

  private answer(fault: HoldpointError | null): void {
    for (const done of this.waiting.splice(0)) done(fault);
  }

  private async load(): Promise<void> {
    const { attempt } = this;
    for (let tries = 1; ; tries++) {
      let loader: CatalogLoader | null = null;
      try {
        loader = this.connection?.closed === false && this.loader ? this.loader : await this.open();
        const next = await loader.load({ lockMs: LOCK_MS, last: this.loaded });
        // Given up meanwhile: what it has read may be older than what came after.
        if (attempt !== this.attempt) throw new HoldpointError('catalog_unavailable');
        this.complete = next.complete;
        if (next.catalog.version !== this.loaded?.version) this.take(next.catalog);
        return;
      } catch (cause) {
        // A server that cannot be had says so at once. One that has ended this session, as anybody may ask it to, gives another.
        const passing = loader !== null || wasEnded(cause);
        if (tries === TRIES || attempt !== this.attempt || !passing) throw cause;
      }
    }
  }

  private take(next: Catalog): void {
    for (const name of next.missing)
      if (!this.loaded?.missing.includes(name))
        this.options.warn(`protected column ${name} does not exist on the target`);
    this.loaded = next;
  }

  private async open(): Promise<CatalogLoader> {
    const { attempt } = this;
    const opened = new OwnConnection(await this.options.connect());
    if (this.closed || attempt !== this.attempt) {
      opened.close();
      throw new HoldpointError('catalog_unavailable');
    }
    this.connection?.close();
    this.connection = opened;
    const query = questions(opened);
    this.loader = new CatalogLoader(query, { protectedColumns: this.options.columns });
    return this.loader;
  }

  private drop(): void {
    this.attempt++;
    this.connection?.close();
    this.connection = null;
    this.loader = null;
  }

  /** Nobody looks any more for what changes: whoever comes next has it loaded again. */
  private giveUp(): void {
    this.drop();
    this.stale = true;
  }

  /** Rejects at the deadline. What was waited for goes on without its connection, and so comes to nothing. */
  private async within(deadline: number, work: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new HoldpointError('catalog_unavailable', undefined, { cause: new Error('the deadline passed') }),
          ),
        Math.max(0, deadline - performance.now()),
      );
    });
    try {
      await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async poll(): Promise<void> {
    if (this.used) this.usedAt = Date.now();
    this.used = false;
    if (this.busy || this.stale || this.connection === null) return;
    if (Date.now() - this.usedAt > IDLE_MS) {
      this.giveUp();
      return;
    }
    if (this.complete && this.loader !== null && (await this.unchanged(this.loader))) return;
    if (this.closed) return;
    // Beside a lock nothing is known to have changed: what is loaded holds until the new one is there.
    if (this.complete) this.invalidate();
    if (!this.busy) void this.freshen();
  }

  private async unchanged(loader: CatalogLoader): Promise<boolean> {
    this.busy = true;
    this.again = false;
    try {
      const deadline = performance.now() + (this.options.deadlineMs ?? 10_000);
      let unchanged = false;
      const asked = loader.isUnchanged().then(is => {
        unchanged = is;
      });
      await this.within(deadline, asked);
      return unchanged && !this.again;
    } catch {
      // Out of reach: the catalog counts as stale, and the next statement finds out why.
      this.drop();
      return false;
    } finally {
      this.rest();
    }
  }
}

/** What a session's texts are judged by: what `seenBy` gave it, else what all share. */
export function viewOf(shared: SharedCatalog, seen: SessionCatalog | null): Catalog {
  const view = seen ?? shared.current;
  if (view instanceof Catalog) return view;
  throw new HoldpointError('catalog_unavailable');
}

function questions(connection: OwnConnection) {
  return inWordsOf(connection.serverVersion, sql => connection.query(sql));
}

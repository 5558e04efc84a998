import { HoldpointError } from '#schemas/errors.ts';
import { type Catalog, loadCatalog } from './catalog/load.ts';
import type { ProtectedName } from './catalog/protect.ts';
import type { CatalogHandle } from './session/parts.ts';
import type { UpstreamConnection } from './upstream/connect.ts';
import { OwnConnection } from './upstream/query.ts';

/** How often the target is asked whether somebody else has changed its catalog. */
const POLL_MS = 2_000;
/** The connection is given up when no session has needed it for so long. */
const IDLE_MS = 60_000;

/**
 * The catalog of one target, shared by its sessions: loaded over a connection of the proxy's own, loaded again when a session has run
 * something that may have changed it, and asked every two seconds whether anybody else has. While it may be stale there is none, and
 * statements wait: they are never judged by an old one that is known to be old.
 */
export class SharedCatalog implements CatalogHandle {
  private readonly connect: () => Promise<UpstreamConnection>;
  private readonly columns: readonly ProtectedName[];
  private readonly warn: (message: string) => void;
  private connection: OwnConnection | null = null;
  private loaded: Catalog | null = null;
  private fingerprint = '';
  private stale = true;
  private loading = false;
  private again = false;
  private usedAt = Date.now();
  private waiting: ((error: HoldpointError | null) => void)[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(options: {
    readonly connect: () => Promise<UpstreamConnection>;
    readonly columns: readonly ProtectedName[];
    readonly warn: (message: string) => void;
  }) {
    this.connect = options.connect;
    this.columns = options.columns;
    this.warn = options.warn;
    this.timer = setInterval(() => void this.poll(), POLL_MS);
    this.timer.unref();
  }

  get current(): Catalog | null {
    this.usedAt = Date.now();
    return this.stale ? null : this.loaded;
  }

  invalidate(): void {
    this.stale = true;
    if (this.loading) this.again = true;
  }

  whenFresh(done: (error: HoldpointError | null) => void): void {
    if (!this.stale) {
      done(null);
      return;
    }
    this.waiting.push(done);
    if (!this.loading) void this.load();
  }

  close(): void {
    clearInterval(this.timer);
    this.connection?.close();
    this.connection = null;
    this.stale = true;
  }

  private async load(): Promise<void> {
    this.loading = true;
    let fault: HoldpointError | null = null;
    try {
      do {
        this.again = false;
        const connection = await this.own();
        // The fingerprint first: what changes between it and the load makes the next poll load again.
        const fingerprint = await print(connection);
        if (this.loaded === null || fingerprint !== this.fingerprint) {
          const next = await loadCatalog(sql => connection.query(sql), { protectedColumns: this.columns });
          if (next.version !== this.loaded?.version) {
            for (const name of next.missing)
              this.warn(`protected column ${name} does not exist on the target`);
            this.loaded = next;
          }
          this.fingerprint = fingerprint;
        }
      } while (this.again);
      this.stale = false;
    } catch (cause) {
      this.connection?.close();
      this.connection = null;
      fault =
        cause instanceof HoldpointError
          ? cause
          : new HoldpointError('catalog_unavailable', undefined, { cause });
    } finally {
      this.loading = false;
    }
    for (const done of this.waiting.splice(0)) done(fault);
  }

  private async own(): Promise<OwnConnection> {
    if (this.connection === null || this.connection.closed)
      this.connection = new OwnConnection(await this.connect());
    return this.connection;
  }

  private async poll(): Promise<void> {
    if (this.loading || this.stale || this.connection === null) return;
    if (Date.now() - this.usedAt > IDLE_MS) {
      this.connection.close();
      this.connection = null;
      this.stale = true;
      return;
    }
    try {
      if ((await print(this.connection)) === this.fingerprint) return;
    } catch {
      // Out of reach: the catalog counts as stale, and the next statement finds out why.
    }
    this.invalidate();
    if (!this.loading) void this.load();
  }
}

async function print(connection: OwnConnection): Promise<string> {
  const rows = await connection.query((await import('./catalog/load.ts')).FINGERPRINT_SQL);
  return JSON.stringify(rows);
}

import { HoldpointError } from '#schemas/errors.ts';
import type { OwnChanges } from './changing.ts';

/** How long sessions wait for each other. */
export interface Patience {
  /** Between two looks at who waits for whom at the server. */
  readonly lookMs: number;
  /** A lock is asked for behind the statements that were sent before it, but not for ever: it is the server that makes it wait. */
  readonly orderMs: number;
  /** For one whose transaction holds locks, where the server cannot be asked who waits for them. */
  readonly blindMs: number;
  readonly mostMs: number;
}

export const PATIENCE: Patience = { lookMs: 1_000, orderMs: 1_000, blindMs: 10_000, mostMs: 600_000 };

/** What the server tells, by the proxy's own connection. */
export interface Server {
  /** Rejects where it cannot be asked. */
  query(text: string): Promise<(string | null)[][]>;
  /** What a session had under way when it left has come to its end. */
  changed(): void;
}

/** One statement that waits for other sessions. */
export interface Wait {
  readonly own: OwnChanges;
  readonly since: number;
  /** It may hold locks that others wait for. */
  readonly holds: boolean;
  /** Nobody waits for what it changes before it is committed, so that nobody has to wait behind it for long. */
  brief: boolean;
  /** For whom; true where that one only waits itself, and came first. */
  on: ReadonlyMap<OwnChanges, boolean>;
  /** It waits at the server, who finds out whether that is in a ring, and how long it may last. */
  there: boolean;
  look(): void;
  /** It keeps nobody any more from going first. */
  yield(): void;
  /** The other waits for a lock that this one has got: it goes first. False where that is not so. */
  passes(other: OwnChanges): boolean;
  end(fault: HoldpointError | string): void;
}

type Node = OwnChanges | number;
/** From one to the next; `soft`: that one only waits itself, and came first. */
interface Step {
  readonly to: Node;
  readonly soft: Wait | null;
}
type Graph = ReadonlyMap<number, readonly number[]>;

/** Who waits at the server, for which processes. */
const BLOCKED = `SELECT pid, pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(pid), ',')
FROM (SELECT DISTINCT pid FROM pg_catalog.pg_locks WHERE NOT granted AND pid IS NOT NULL) AS w`;

/**
 * Sessions that wait for each other in the proxy. Two may wait for each other in a ring that goes through the server, too, which neither sees
 * alone: both are looked at together, and as at the server one of the ring has to give up.
 */
export class Waits {
  private readonly patience: Patience;
  private readonly server: Server | null;
  private readonly waiting = new Set<Wait>();
  /** Left in the middle of a change: the question that is answered with rows as long as it goes on. */
  private readonly ghosts = new Map<OwnChanges, string>();
  private woken = false;
  private timer: NodeJS.Timeout | undefined;
  private asking = false;
  /** In a ring at the last look. */
  private suspect: Wait | null = null;

  constructor(server: Server | null, patience: Patience) {
    this.server = server;
    this.patience = patience;
  }

  add(wait: Wait): void {
    this.waiting.add(wait);
    this.watch(this.patience.lookMs);
  }

  delete(wait: Wait): void {
    this.waiting.delete(wait);
  }

  /** Something is over; once what comes of that is known, those that wait look again. */
  wake(): void {
    if (this.woken || this.waiting.size === 0) return;
    this.woken = true;
    setImmediate(() => {
      this.woken = false;
      for (const wait of [...this.waiting]) wait.look();
    });
  }

  /** False where nobody could tell when it is over. */
  haunts(own: OwnChanges, question: string): boolean {
    if (this.server === null) return false;
    this.ghosts.set(own, question);
    this.watch(20);
    return true;
  }

  private watch(ms: number): void {
    if (this.asking || this.waiting.size + this.ghosts.size === 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.asking = true;
      void this.tick().finally(() => {
        this.asking = false;
        this.watch(this.patience.lookMs);
      });
    }, ms);
    this.timer.unref();
  }

  private async tick(): Promise<void> {
    for (const [ghost, question] of [...this.ghosts]) {
      const gone = await this.asked(question);
      if (gone === null || gone.length > 0) continue;
      this.ghosts.delete(ghost);
      this.server?.changed();
      ghost.ended();
    }
    if (this.waiting.size === 0) return;
    const rows = await this.asked(BLOCKED);
    const graph =
      rows &&
      new Map(rows.map(([pid, by]) => [Number(pid), (by ?? '').split(',').map(Number).filter(Boolean)]));
    const now = performance.now();
    for (const wait of [...this.waiting]) {
      if (wait.there) continue;
      const waited = now - wait.since;
      if (waited > this.patience.blindMs && (graph === null || wait.brief)) wait.yield();
      if (waited > (graph === null && wait.holds ? this.patience.blindMs : this.patience.mostMs))
        wait.end(BUSY);
    }
    if (graph !== null) this.untie(graph);
  }

  private async asked(question: string): Promise<(string | null)[][] | null> {
    try {
      return (await this.server?.query(question)) ?? null;
    } catch (error) {
      if (error instanceof HoldpointError) return null;
      throw error;
    }
  }

  /** A ring is there for good: what looks like one only once were two moments taken for one. */
  private untie(graph: Graph): void {
    for (const wait of this.waiting) {
      if (wait.there) continue;
      const ring = this.ring(wait, graph);
      if (ring === null) continue;
      if (this.suspect !== wait) {
        this.suspect = wait;
        return;
      }
      this.suspect = null;
      const first = ring.find(({ soft }) => soft !== null)?.soft ?? null;
      const next = [...wait.on.keys()].find(own => ring[0]?.to === (own.process > 0 ? own.process : own));
      if (first !== null) first.yield();
      else if (next === undefined || !wait.passes(next)) wait.end(new HoldpointError('deadlock'));
      return;
    }
    this.suspect = null;
  }

  /** The way from one that waits back to it. */
  private ring(start: Wait, graph: Graph): Step[] | null {
    const waits = new Map([...this.waiting].map(wait => [wait.own, wait]));
    const byProcess = new Map([...waits.keys()].map(own => [own.process, own]));
    const seen = new Set<Node>();
    const way: Step[] = [];
    const follow = (node: Node): boolean => {
      const own = typeof node === 'number' ? byProcess.get(node) : node;
      const process = typeof node === 'number' ? node : node.process;
      const nexts: [Node, boolean][] = [...(graph.get(process) ?? [])].map(pid => [pid, false]);
      for (const [other, soft] of (own && waits.get(own)?.on) ?? [])
        nexts.push([other.process > 0 ? other.process : other, soft]);
      for (const [next, soft] of nexts) {
        const to = typeof next === 'number' ? byProcess.get(next) : next;
        way.push({ to: next, soft: soft && to !== undefined ? (waits.get(to) ?? null) : null });
        if (to === start.own) return true;
        if (!seen.has(next)) {
          seen.add(next);
          if (follow(next)) return true;
        }
        way.pop();
      }
      return false;
    };
    return follow(start.own) ? way : null;
  }
}

const BUSY = 'other sessions are changing or running what it names, and may wait for this one: try again';

import type { Named, SessionAction, StatementAnalysis } from '#schemas/analysis.ts';
import type { Share } from '../quota.ts';
import type { ColumnDescription } from '../wire/backend.ts';
import type { Judged } from './judgement.ts';
import { NameLayer } from './name-layer.ts';
import { isNameOfSql, keyOf } from './names.ts';
import type { Op, Portal } from './op.ts';
import type { Run } from './run.ts';

/** A prepared statement, by the protocol's Parse or by SQL's PREPARE: the server keeps both under one set of names. */
export interface Prepared {
  /** Null where SQL's PREPARE or DECLARE made it. */
  readonly text: string | null;
  /** About what it takes of the proxy's memory. */
  readonly bytes: number;
  readonly types: readonly number[];
  /** Its text was read with standard_conforming_strings off, and stays so whatever the setting becomes. */
  readonly escapes: boolean;
  /** Bodies added as they were at the time. */
  analysis: StatementAnalysis;
  /** `OpenedCursors.doubts` when it was made, or last found to be there. */
  doubts: number;
  /** `Judge.stamp` at that time, or when it was last found to be the same: under another one, an analysis without text is void. */
  under: object;
  /** The PREPARE or DECLARE that made it and the `Rewirings.epoch` in which that was judged, where they are kept. */
  readonly madeBy: { readonly text: string; readonly epoch: number } | null;
  /** It names no other statement or cursor. */
  readonly alone: boolean;
  /** As the server last described it to anybody; null until then. Formats are Bind's to say. */
  columns: readonly ColumnDescription[] | 'none' | null;
  /** True until an audit event carries its text. */
  unrecorded: boolean;
  /** As it was judged last, where that does not hang on other names, and the stamp under which it counts. */
  judged?: { readonly under: object; readonly judged: Judged };
}

/**
 * A name table in two layers. `certain` is what the server has confirmed. `assumed` is what it will hold when everything sent so far
 * succeeds: messages behind an error are skipped up to Sync, so judging them under that assumption is safe, and an error simply
 * drops the layer. Null in `assumed` means: closed.
 */
export class Names<T extends { readonly bytes: number }> {
  private readonly certain = new NameLayer<T>();
  private readonly assumed = new NameLayer<T | null>();
  private readonly memory: Pick<Share, 'add'>;

  /** `memory` is told what the values take. */
  constructor(memory: Pick<Share, 'add'>) {
    this.memory = memory;
  }

  get(given: string): T | undefined {
    const name = keyOf(given);
    const value = this.assumed.get(name);
    if (value !== undefined) return value ?? undefined;
    return this.certain.get(name);
  }

  assume(given: string, value: T | null): void {
    const name = keyOf(given);
    // A name that stands for nothing stands for nothing still.
    if (value === null && this.get(name) === undefined) return;
    this.memory.add((value?.bytes ?? 0) - (this.assumed.get(name)?.bytes ?? 0));
    this.assumed.set(name, value);
  }

  /** The server has confirmed it. Gives what the name stood for before. */
  confirm(given: string, value: T | null): T | undefined {
    const name = keyOf(given);
    const before = this.certain.get(name);
    if (value === null) this.certain.delete(name);
    else this.certain.set(name, value);
    this.memory.add((value?.bytes ?? 0) - (before?.bytes ?? 0));
    return before;
  }

  /** Nothing is under way any more, or it failed: only what was confirmed counts. */
  settle(): void {
    if (this.assumed.size === 0) return;
    this.assumed.each((_name, value) => this.memory.add(-(value?.bytes ?? 0)));
    this.assumed.clear();
  }

  each(visit: (name: string, value: T) => void): void {
    this.certain.each(visit);
  }

  /** DEALLOCATE ALL, CLOSE ALL, end of a transaction. */
  keepOnly(keep: (value: T) => boolean): void {
    if (this.certain.size === 0) return;
    this.certain.each((name, value) => {
      if (!keep(value)) this.confirm(name, null);
    });
  }

  /** Whether this name may be defined while at most `limit` are open. Names closed in a segment count until it rests, up to as many again. */
  hasRoom(name: string, limit: number): boolean {
    const { certain, assumed } = this;
    if (certain.size + assumed.size < limit || this.get(name) !== undefined) return true;
    if (assumed.size >= 2 * limit) return false;
    let open = certain.size;
    assumed.each((other, value) => {
      if (certain.get(other) !== undefined) open -= 1;
      if (value !== null) open += 1;
    });
    return open < limit;
  }
}

/** The names that the server knows in this session, as far as it has confirmed them. */
export class Picture {
  readonly memory: Pick<Share, 'add' | 'full'>;
  readonly statements: Names<Prepared>;
  readonly portals: Names<Portal>;
  /** Sent to be parsed, and in no audit event yet: also those whose name stands for something else by now. */
  readonly parsed: Prepared[] = [];
  /** Bound and not yet at their end. */
  private readonly open: Run[] = [];
  private readonly abandoned: (run: Run) => void;
  private readonly fromSql: (
    named: Pick<Named, 'body' | 'text'>,
    epoch: number | null,
    sure: boolean,
  ) => Prepared;

  /** `abandoned`: the portal of this run is gone before the run was at its end. `fromSql`: what PREPARE or DECLARE make. */
  constructor(
    memory: Pick<Share, 'add' | 'full'>,
    abandoned: (run: Run) => void,
    fromSql: (named: Pick<Named, 'body' | 'text'>, epoch: number | null, sure: boolean) => Prepared,
  ) {
    this.memory = memory;
    this.statements = new Names(memory);
    this.portals = new Names(memory);
    this.abandoned = abandoned;
    this.fromSql = fromSql;
  }

  bound(run: Run): void {
    this.open.push(run);
  }

  ended(run: Run): void {
    // They end in the order in which they began, but for those that are left.
    const at = this.open.indexOf(run);
    if (at === 0) this.open.shift();
    else if (at > 0) this.open.splice(at, 1);
  }

  /** Every message sent has been answered, or was skipped. */
  settle(): void {
    this.statements.settle();
    this.portals.settle();
  }

  /** The server's own list of what Parse has made and is there, asked for after so many doubts. */
  stillThere(names: ReadonlySet<string>, doubts: number): void {
    this.statements.each((name, prepared) => {
      if (!isNameOfSql(name) || names.has(name)) prepared.doubts = prepared.text === null ? -1 : doubts;
      else if (prepared.text !== null) this.statements.confirm(name, null);
    });
  }

  /** The server has done what this message asked. */
  confirmed(op: Op): void {
    switch (op.kind) {
      case 'parse':
        this.statements.confirm(op.name, op.prepared);
        return;
      case 'bind':
        this.leave(this.portals.confirm(op.name, op.portal));
        return;
      case 'close':
        if (op.of === 'statement') this.statements.confirm(op.name, null);
        else this.leave(this.portals.confirm(op.name, null));
        return;
      case 'poison':
        if (op.dropsUnnamed) this.statements.confirm('', null);
        return;
      default:
        return;
    }
  }

  /** The server has completed a statement that does this, judged in that epoch; `sure`: nothing that nobody has read was sent with it. */
  acted(action: SessionAction, epoch: number, sure: boolean): void {
    switch (action.kind) {
      case 'prepare':
        this.statements.confirm(action.name, this.fromSql(action, epoch, sure));
        return;
      case 'declare': {
        const source = this.fromSql(action, epoch, sure);
        this.portals.confirm(action.name, {
          source,
          bytes: source.bytes,
          run: null,
          resultFormats: [],
          described: false,
          plan: undefined,
        });
        return;
      }
      case 'deallocate':
        if (action.name === null) this.statements.keepOnly(() => false);
        else this.statements.confirm(action.name, null);
        return;
      case 'close':
        if (action.name === null) this.portals.keepOnly(() => false);
        else this.portals.confirm(action.name, null);
        return;
      case 'discard':
        this.statements.keepOnly(() => false);
        this.portals.keepOnly(() => false);
        return;
      default:
        return;
    }
  }

  /** Portals of the protocol end with their transaction; a cursor WITH HOLD does not, and a name too many does no harm. */
  transactionEnded(): void {
    this.abandon();
    this.portals.keepOnly(isCursor);
  }

  /** Nothing that was bound will run any further. */
  abandon(): void {
    if (this.open.length === 0) return;
    for (const run of this.open.splice(0)) this.abandoned(run);
  }

  private leave(portal: Portal | undefined): void {
    if (portal?.run !== null && portal?.run !== undefined && !portal.run.ended) this.abandoned(portal.run);
  }
}

/** Made by SQL's DECLARE. */
function isCursor(portal: Portal): boolean {
  return portal.run === null;
}

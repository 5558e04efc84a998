import type { StatementAnalysis } from '#schemas/analysis.ts';
import { type MaskPlan, planMask } from '../mask/plan.ts';
import { redactFields, redactPayload } from '../mask/redact.ts';
import {
  BACKEND,
  type ColumnDescription,
  decodeFields,
  encode,
  encodeFields,
  int32,
} from '../wire/backend.ts';
import { formatOf } from '../wire/frontend.ts';
import { Reader } from '../wire/reader.ts';
import type { AnswersOwner } from './answers-owner.ts';
import { analysisOf, type Op, type Portal, runOf } from './op.ts';
import type { Run } from './run.ts';

/** A NoticeResponse without what could quote a value; as latin1, so that names keep their bytes. */
export function redactedNotice(buffer: Buffer, start: number, end: number): Buffer {
  return encodeFields(BACKEND.notice, redactFields(decodeFields(buffer, start, end, 'latin1')), 'latin1');
}

/** What it says is about the text alone: no row has been read. */
function onlyParses(op: Op | undefined): boolean {
  return op?.kind === 'parse' || op?.kind === 'own';
}

type ShieldOwner = Pick<
  AnswersOwner,
  'protects' | 'maskOf' | 'tellsCheck' | 'maskKey' | 'encoding' | 'rewirings'
>;

/** A NotificationResponse whose payload says nothing: whoever sent it may have read anything. */
export function redactedNotification(buffer: Buffer, start: number, end: number): Buffer {
  const reader = new Reader(buffer, start + 5, end);
  const head = [int32(reader.int32('process id')), reader.label('channel')];
  const payload = reader.label('payload').toString('latin1').slice(0, -1);
  return encode(BACKEND.notification, ...head, redactPayload(payload));
}

/** What of the server's answers is protected: the masks of a result, and when errors and notices have to be redacted. */
export class Shield {
  private readonly owner: ShieldOwner;
  /** A protected relation was in scope since the transaction began: an error at COMMIT may tell of it. */
  private transaction = false;
  /** The run whose notice was the last one. */
  private noticed: Run | null = null;

  constructor(owner: ShieldOwner) {
    this.owner = owner;
  }

  get protects(): boolean {
    return this.owner.protects();
  }

  /** The masks for one description of result columns; null where all of it may pass. */
  plan(
    columns: readonly ColumnDescription[],
    statement: StatementAnalysis | undefined,
    run: Run | null,
  ): MaskPlan | null {
    if (!this.owner.protects()) return null;
    const moved = this.moved(run);
    const scope = {
      touchesProtected: moved || (statement?.touchesProtected ?? true),
      met: statement?.met ?? [],
      cleanOutputs: moved ? null : (statement?.cleanOutputs ?? null),
    };
    const plan = planMask(
      columns,
      scope,
      (oid, attnum) => this.owner.maskOf(oid, attnum),
      this.owner.maskKey,
      this.owner.encoding,
    );
    if (plan !== null && run !== null)
      for (const { column, mask } of plan.applied) {
        run.masks ??= new Map();
        run.masks.set(column, mask);
      }
    return plan;
  }

  /** The plan of a portal whose statement was described earlier; the formats are Bind's. */
  planFor(portal: Portal): MaskPlan | null | undefined {
    const { columns } = portal.source;
    if (!this.owner.protects() || columns === 'none') return null;
    if (columns === null) return undefined;
    const bound = columns.map((column, i) => ({ ...column, format: formatOf(portal.resultFormats, i) }));
    return this.plan(bound, analysisOf(portal), portal.run);
  }

  /** The server has bound it, and holds what it names. Columns that were described before another session's change are not its own. */
  bound(portal: Portal): void {
    if (!this.owner.protects() || portal.plan === undefined || !this.moved(portal.run)) return;
    const { columns } = portal.source;
    if (columns === null || columns === 'none') return;
    const of = (i: number) => formatOf(portal.resultFormats, i);
    const any = columns.map((column, i) => ({ ...column, tableOid: 0, attnum: 0, format: of(i) }));
    portal.plan = this.plan(any, analysisOf(portal), portal.run);
  }

  /** It was judged by what names meant then, and may have run by what they mean now. */
  private moved(run: Run | null): boolean {
    return run !== null && this.owner.rewirings.since(run.epoch);
  }

  /** The mask of a fast-path call's result, of which the server says nothing. */
  planCall(typeOid: number, format: 0 | 1, run: Run): MaskPlan | null {
    const column = { name: 'result', tableOid: 0, attnum: 0, typeOid, typeSize: 0, typeMod: -1, format };
    return this.plan([column], run.statements[0], run);
  }

  /** Whether what the server says now may tell of a protected relation. */
  inScope(op: Op | undefined): boolean {
    if (!this.owner.protects()) return false;
    const run = op === undefined ? null : runOf(op);
    if (run !== null && (run.touchesProtected || this.moved(run)) && !onlyParses(op)) this.transaction = true;
    return this.transaction;
  }

  /** An ErrorResponse without what could quote a value; `fields` as latin1. */
  redacted(fields: readonly (readonly [string, string])[]): Buffer {
    const name = (latin1: string) => Buffer.from(latin1, 'latin1').toString('utf8');
    const kept = redactFields(fields, (...names) =>
      this.owner.tellsCheck(...(names.map(name) as [string, string, string])),
    );
    return encodeFields(BACKEND.error, kept, 'latin1');
  }

  /** Of a run's notices one alone is told, without its text: how many there are, and when they come, a value may have decided. */
  firstNotice(op: Op | undefined): boolean {
    const run = op === undefined ? null : runOf(op);
    if (run !== null && run === this.noticed) return false;
    this.noticed = run;
    return true;
  }

  touched(run: Run): void {
    if (run.touchesProtected) this.transaction = true;
  }

  transactionEnded(): void {
    this.transaction = false;
  }
}

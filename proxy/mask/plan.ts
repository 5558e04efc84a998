import type { ColumnDescription } from '#proxy/wire/backend.ts';
import type { MaskKind } from '#schemas/policy.ts';
import { type Replacement, replacement, type ValueEncoding } from './kinds.ts';

/** What the analysis of a statement says about its result. See StatementAnalysis. */
export interface MaskScope {
  readonly touchesProtected: boolean;
  readonly cleanOutputs: readonly boolean[] | null;
  readonly met?: readonly string[];
}

/** Names the mask of a table's column by what RowDescription says of its origin; null where none is asked for. */
export type MaskOf = (
  tableOid: number,
  attnum: number,
) => { readonly column: string; readonly mask: MaskKind; readonly computed?: true } | null;

/** How the rows of one result are masked. */
export interface MaskPlan {
  /** By column of the result; null where the value passes. */
  readonly columns: readonly (Replacement | null)[];
  /** For the audit: each masked column, and the kind that was really used. A result column without origin stands as `(label)`. */
  readonly applied: readonly { readonly column: string; readonly mask: MaskKind }[];
}

const LONGEST_LABEL = 200;

/**
 * Which columns of a result are masked, and how; null when the rows may pass untouched.
 *
 * `columns` has to carry the formats that the rows will have: a RowDescription that answers Describe of a *statement* does not
 * know them yet (see `withFormats`). `maskOf` has to know every relation that a result column can come from: the server gives a
 * view's own OID for the columns of a view, and a partition's or child's where that was named. `hashKey`: 16 bytes or more.
 *
 * A column without an origin (an expression, an aggregate, a whole row, a system column) may hold anything of the statement's
 * relations, so it is redacted once one of them is protected, NULL or not, unless the analysis has proven it clean by position.
 * Source of the origin: manual 54.7, RowDescription.
 */
export function planMask(
  columns: readonly ColumnDescription[],
  scope: MaskScope,
  maskOf: MaskOf,
  hashKey: Uint8Array,
  encoding?: ValueEncoding,
): MaskPlan | null {
  const clean = scope.cleanOutputs?.length === columns.length ? scope.cleanOutputs : null;
  const replacements: (Replacement | null)[] = [];
  const applied: { column: string; mask: MaskKind }[] = [];
  columns.forEach((column, i) => {
    const { tableOid, attnum, typeOid, format } = column;
    const hasOrigin = tableOid !== 0 && attnum > 0;
    const named = tableOid === 0 ? null : maskOf(tableOid, attnum);
    const unproven = !hasOrigin && scope.touchesProtected && clean?.[i] !== true;
    if (named === null && !unproven && !(hasOrigin && shows(scope.met, column.name))) {
      replacements.push(null);
      return;
    }
    const chosen = replacement(named?.mask ?? 'redact', typeOid, format, hashKey, encoding);
    const computed = unproven || named?.computed === true;
    replacements.push(computed ? standsForNull(chosen.replacement) : chosen.replacement);
    const label = named?.column ?? `(${column.name})`;
    applied.push({ column: label.slice(0, LONGEST_LABEL), mask: chosen.applied });
  });
  return applied.length === 0 ? null : { columns: replacements, applied };
}

/** `CASE WHEN salary & 1 = 1 THEN 'x' END`: whether what an expression gives is NULL would be a bit of the value, as often as one likes. */
function standsForNull(chosen: Replacement): Replacement {
  return chosen.kind === 'constant' ? { ...chosen, forNull: true } : chosen;
}

/** Set against a protected value, it may be equal to it. A label that is not ASCII may be spelled otherwise in the session's encoding. */
function shows(met: readonly string[] = [], label: string): boolean {
  return met.includes(label) || (met.length > 0 && NOT_ASCII.test(label));
}

const NOT_ASCII = /[^\x00-\x7f]/;

/**
 * The columns as a portal will send them: Bind's result format codes are none (all text), one for all, or one each. Null where
 * the count fits neither, which the server refuses too.
 */
export function withFormats(
  columns: readonly ColumnDescription[],
  codes: readonly number[],
): ColumnDescription[] | null {
  if (codes.length > 1 && codes.length !== columns.length) return null;
  return columns.map((column, i) => {
    const code = codes.length === 1 ? codes[0] : codes[i];
    return { ...column, format: code === 1 ? 1 : 0 };
  });
}

import type { CallAnalysis, Strings } from '#schemas/analysis.ts';
import { analyse, unanalysed } from './analyse.ts';
import type { CatalogFunction, CatalogView } from './catalog-view.ts';

/**
 * What a fast-path call would do. It carries no SQL, only the OID of one function, and is judged as the SELECT that names it with its
 * schema and casts each argument to its type: no two functions share that text. The analysis looks at overloads of the name too, which
 * is more than the server calls and never less. An OID that the catalog does not have, or that SELECT would call in another way, is
 * unknown.
 */
export function analyseCall(
  oid: number,
  view: CatalogView,
  searchPath: readonly string[],
  strings: Strings = 'standard',
): CallAnalysis {
  const f = view.functionOf(oid);
  const text = f === undefined ? null : selectOf(f, view);
  if (f === undefined || text === null)
    return {
      ...notKnown(oid, view, `function ${oid} is not in the catalog`),
      takes: f === undefined ? 'nowhere' : 'unclear',
    };
  // The server refuses these (fetch_fp_info in tcop/fastpath.c), but not in every minor version.
  if (f.kind !== 'f' || f.returnsSet)
    return notKnown(oid, view, `${f.schema}.${f.name} cannot be called by its OID`);
  const { inputs, result } = f;
  const analysed = analyse(text, view, searchPath, inputs, strings);
  const analysis = analysed.kind === 'statements' ? analysed.statements[0] : undefined;
  if (analysis === undefined) return notKnown(oid, view, `the name of function ${oid} cannot be read`);
  return { text, inputs, result, takes: inputs.length, analysis };
}

function notKnown(oid: number, view: CatalogView, why: string): CallAnalysis {
  const text = `(call of function ${oid})`;
  return { text, inputs: [], result: 0, takes: 'unclear', analysis: unanalysed(why, view) };
}

/** Null where an argument's type is not in the catalog. */
function selectOf(f: CatalogFunction, view: CatalogView): string | null {
  const args: string[] = [];
  for (const [i, oid] of f.inputs.entries()) {
    const type = view.type(oid);
    if (type === undefined) return null;
    const last = f.variadic && i === f.inputs.length - 1;
    args.push(`${last ? 'VARIADIC ' : ''}$${i + 1}::${qualified(type)}`);
  }
  return `SELECT ${qualified(f)}(${args.join(', ')})`;
}

/** Behind a dot every keyword is a name. */
function qualified({ schema, name }: { readonly schema: string; readonly name: string }): string {
  const first = schema === 'pg_catalog' || schema === 'public' ? schema : quoted(schema);
  return `${first}.${/^[a-z_][a-z0-9_]*$/.test(name) ? name : quoted(name)}`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

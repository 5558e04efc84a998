import type { Analysis, Strings } from '#schemas/analysis.ts';
import { analyse, analyseTrees } from './analyse.ts';
import type { CatalogView } from './catalog-view.ts';
import { parse } from './effects/parse.ts';
import { node } from './effects/tree.ts';
import { Recent } from './recent.ts';
import { slotsOf, watching } from './slots.ts';
import { markedText, type Template, templateOf } from './template.ts';

/** What is known of the texts of one skeleton; null where each of them has to be looked at by itself. */
type Known = {
  /** The constants that an analysis has read: what was found counts for texts that have the same ones there. */
  readonly read: readonly number[];
  readonly found: Map<string, Analysis>;
} | null;

const SKELETONS = 2_000;
const SURROUNDINGS = 25;
/** Characters of skeletons that are kept under one surrounding, twice; a longer one is not kept at all. */
const CHARACTERS = 1 << 20;
const LONGEST = 100_000;
/** Where constants that matter have had so many values, they will have more: looking anew at each text is cheaper. */
const MOST_VALUES = 50;

/** Statements without consequences for the session, whose grammar looks at no value. */
const PLAIN = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt']);

const caches = new WeakMap<CatalogView, Recent<string, Recent<string, Known>>>();

/**
 * As `analyse`, and always with the same result, but remembers: what was found of one text is given for another that differs from it
 * only in constants which the analysis did not look at. Not looked at is not concluded but observed, for each analysis that is kept
 * (`watching`); that the constants are values and nothing else is not concluded either, but found by parsing two texts that differ in
 * all of them (`slotsOf`). Shared by all sessions on a catalog. See docs/decisions/0005.
 */
export function analyseKnown(
  sql: string,
  view: CatalogView,
  searchPath: readonly string[],
  parameterTypes?: readonly number[],
  strings: Strings = 'standard',
): Analysis {
  const plainly = () => analyse(sql, view, searchPath, parameterTypes, strings);
  const template = templateOf(sql, strings === 'standard');
  if (template === null || template.skeleton.length > LONGEST) return plainly();
  const texts = under(view, `${strings}\0${parameterTypes?.join() ?? '-'}\0${searchPath.join('\0')}`);
  const known = texts.get(template.skeleton);
  if (known === null) return plainly();
  const found = known?.found.get(given(template, known.read));
  if (found !== undefined) return found;
  return learn(sql, template, known, {
    keep: next => texts.set(template.skeleton, next),
    analyse: parsed => analyseTrees(parsed, view, searchPath, parameterTypes, strings),
    plainly,
  });
}

function learn(
  sql: string,
  template: Template,
  known: Exclude<Known, null> | undefined,
  how: {
    keep: (next: Known) => void;
    analyse: (parsed: readonly unknown[]) => ReturnType<typeof analyseTrees>;
    plainly: () => Analysis;
  },
): Analysis {
  const seen = observe(sql, template, how.analyse);
  if (seen === null) {
    how.keep(null);
    return how.plainly();
  }
  const { result, read } = seen;
  const all = [...new Set([...(known?.read ?? []), ...read])].sort((a, b) => a - b);
  const next =
    known !== undefined && all.length === known.read.length
      ? known
      : { read: all, found: new Map<string, Analysis>() };
  next.found.set(given(template, all), result);
  how.keep(next.found.size > MOST_VALUES ? null : next);
  return result;
}

/** The analysis of a text and which of its constants it hangs on; null where that cannot be told for certain. */
function observe(
  sql: string,
  template: Template,
  analyseParsed: (parsed: readonly unknown[]) => ReturnType<typeof analyseTrees>,
): { result: Analysis; read: number[] } | null {
  try {
    const { text, values } = markedText(template);
    const [parsed, marked] = [parse(sql), parse(text)];
    if ('message' in parsed || 'message' in marked || parsed.length !== 1) return null;
    if (!PLAIN.has(node(parsed[0])?.tag ?? '')) return null;
    const slots = slotsOf(parsed, marked, values);
    if (slots === null) return null;
    const { result, read } = watching(slots, () => analyseParsed(parsed));
    const certain = result.every(
      s =>
        s.effects.unknown.length === 0 &&
        s.refusal === null &&
        s.typed !== true &&
        s.actions.length === 0 &&
        s.executes === null &&
        s.cursor === null,
    );
    return certain ? { result: { kind: 'statements', statements: result }, read } : null;
  } catch {
    // The parser itself failed: `analyse` knows what that means.
    return null;
  }
}

/** The constants of a text that matter, as they are written. */
function given({ constants }: Template, read: readonly number[]): string {
  return read.length === 0 ? '' : read.map(i => constants[i]).join('\0');
}

function under(view: CatalogView, surroundings: string): Recent<string, Known> {
  const cache = caches.get(view) ?? new Recent<string, Recent<string, Known>>(SURROUNDINGS);
  caches.set(view, cache);
  const known = cache.get(surroundings);
  if (known !== undefined) return known;
  const texts = new Recent<string, Known>(SKELETONS, CHARACTERS, weightOf);
  cache.set(surroundings, texts);
  return texts;
}

/** A text's analysis takes about as much as the text. */
function weightOf(skeleton: string, known: Known): number {
  return skeleton.length * (1 + (known?.found.size ?? 0));
}

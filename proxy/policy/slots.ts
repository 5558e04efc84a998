import type { Tree } from './effects/tree.ts';

/** The place of one constant in a syntax tree. */
export interface Slot {
  /** Which of the text's constants it is. */
  readonly index: number;
  readonly holder: Tree;
  readonly key: string;
}

/** Where in the text a node stands: nothing that is said of a statement hangs on it. */
const PLACES = new Set(['location', 'name_location', 'list_start', 'list_end']);
const VALUES = new Set(['ival', 'fval', 'sval']);

/**
 * Where the constants of a template are in the tree of one of its texts: found by comparing it with the tree of its marked text. Null
 * unless the two differ in nothing but the values of A_Const nodes, exactly one for each constant of the text: then the tree's shape
 * does not hang on them, and no other part of it holds them.
 */
export function slotsOf(
  parsed: unknown,
  marked: unknown,
  values: ReadonlyMap<string, number>,
): Slot[] | null {
  const slots: Slot[] = [];
  if (!alike(parsed, marked, values, slots)) return null;
  const found = new Set(slots.map(slot => slot.index));
  return found.size === values.size && slots.length === values.size ? slots : null;
}

/**
 * Runs `work`, which looks at the tree, and tells which constants it read. What comes out of it is the same for any values of the others.
 * The tree is not to be used afterwards.
 */
export function watching<T>(slots: readonly Slot[], work: () => T): { result: T; read: number[] } {
  const read = new Set<number>();
  for (const { index, holder, key } of slots) {
    const value = holder[key];
    Object.defineProperty(holder, key, {
      enumerable: true,
      get: () => {
        read.add(index);
        return value;
      },
    });
  }
  const result = work();
  return { result, read: [...read].sort((a, b) => a - b) };
}

function alike(a: unknown, b: unknown, values: ReadonlyMap<string, number>, slots: Slot[]): boolean {
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => alike(item, b[i], values, slots));
  }
  if (!isTree(a) || !isTree(b)) return a === b;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(key => {
    if (!Object.hasOwn(b, key)) return false;
    if (PLACES.has(key)) return typeof a[key] === 'number' && typeof b[key] === 'number';
    if (key === 'A_Const' && isTree(a[key]) && isTree(b[key]))
      return constants(a[key], b[key], values, slots);
    return alike(a[key], b[key], values, slots);
  });
}

/** Two A_Const: the same, or each with another value of the same kind, of which the second is one of `values`. */
function constants(a: Tree, b: Tree, values: ReadonlyMap<string, number>, slots: Slot[]): boolean {
  const kind = Object.keys(a).find(key => VALUES.has(key));
  const [one, two] = kind === undefined ? [null, null] : [a[kind], b[kind]];
  if (kind === undefined || !isTree(one) || !isTree(two) || one[kind] === two[kind]) {
    const keys = Object.keys(a).filter(key => key !== 'location');
    return (
      Object.keys(a).length === Object.keys(b).length &&
      keys.every(key => alike(a[key], b[key], values, slots))
    );
  }
  const index = values.get(String(two[kind]).replace(/^-/, ''));
  const plain = [one, two].every(value => Object.keys(value).length === 1);
  const others = [a, b].every(body => Object.keys(body).every(key => key === kind || key === 'location'));
  if (index === undefined || !plain || !others || typeof one[kind] !== typeof two[kind]) return false;
  slots.push({ index, holder: one, key: kind });
  return true;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

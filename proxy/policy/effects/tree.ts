/** One JSON object of the parse tree. libpg-query's own types are not trusted: every field is looked at before it is used. */
export type Tree = { readonly [key: string]: unknown };

/** An empty tree for absent or ill-shaped fields. */
const NOTHING: Tree = Object.freeze({});

export function tree(value: unknown): Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Tree) : NOTHING;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `{"Tag": {…}}`, the form of every generic node; null for anything else. An empty object is an absent node. */
export function node(value: unknown): { readonly tag: string; readonly body: Tree } | null {
  const object = tree(value);
  const keys = Object.keys(object);
  const tag = keys[0];
  if (keys.length !== 1 || tag === undefined || !/^[A-Z]/.test(tag)) return null;
  return { tag, body: tree(object[tag]) };
}

/** The body of a node that has this tag, or null. */
export function is(value: unknown, tag: string): Tree | null {
  const found = node(value);
  return found !== null && found.tag === tag ? found.body : null;
}

export function present(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

/** A list of String nodes as strings; a star becomes '*'; anything else ''. */
export function names(value: unknown): string[] {
  return list(value).map(item => (is(item, 'A_Star') ? '*' : text(tree(tree(item).String).sval)));
}

/** The value of a constant: string, number as text, or boolean as text. Null when it is none; casts of constants count. */
export function constant(value: unknown): string | null {
  const cast = is(value, 'TypeCast');
  if (cast) return constant(cast.arg);
  const c = is(value, 'A_Const');
  if (c === null || c.isnull === true) return null;
  if ('sval' in c) return text(tree(c.sval).sval);
  if ('ival' in c) return String(tree(c.ival).ival ?? 0);
  if ('fval' in c) return text(tree(c.fval).fval);
  if ('boolval' in c) return String(tree(c.boolval).boolval ?? false);
  return null;
}

/**
 * Every object below (and at) a value, for questions that need no context; not below those of which `whole` says so. What a constant is, is
 * not looked at (`slots.ts` would tell).
 */
export function* everything(value: unknown, whole?: (object: Tree) => boolean): Generator<Tree> {
  // A stack instead of recursion: a generator inside generators would pass each object up through all of them.
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (!Array.isArray(next)) {
      yield next as Tree;
      if (whole?.(next as Tree) === true) continue;
      const constant = tree((next as Tree).A_Const);
      if (constant !== NOTHING) {
        yield constant;
        for (const kind of Object.values(constant)) if (tree(kind) === kind) yield kind as Tree;
        continue;
      }
    }
    const parts: unknown[] = Array.isArray(next) ? next : Object.values(next);
    for (let i = parts.length - 1; i >= 0; i--) open.push(parts[i]);
  }
}

/** So many comparisons of names take about as long as reading one word. */
export const COMPARISONS = 128;

/** FOUND, the block's label and the function's own. */
const ALWAYS = 3;

/** Behind these a statement begins. */
const BEFORE_STATEMENT = new Set([';', 'begin', 'then', 'else', 'loop', '>>']);

/**
 * What the compiler of PL/pgSQL does with a body beyond reading it once, in words: it looks for each name among all that are in scope, one after
 * the other (plpgsql_ns_lookup in pl_funcs.c), and puts each condition of a handler behind those before it (pl_gram.y). Told the body's
 * words and signs in order. Where a scope ends is told by these alone: too late rather than too early.
 */
export class PlpgsqlSize {
  private steps = 0;
  /** In scope. */
  private names: number;
  private readonly open: { readonly kind: 'begin' | 'loop' | 'case'; readonly names: number }[] = [];
  private declaring = false;
  /** Since the last WHEN: each may join one more condition of a handler to all before it. */
  private ors = 0;
  private parentheses = 0;
  private before = '';
  /** Behind END, which closes something for certain: no statement begins with it. */
  private ends = false;

  /** `parameters`: of the function, at most. */
  constructor(parameters: number) {
    this.names = parameters + ALWAYS;
  }

  get words(): number {
    return Math.floor(this.steps / COMPARISONS);
  }

  /** In lower case; empty where it is a name in quotes. */
  word(word: string): void {
    this.steps += this.names;
    if (!this.closes(word)) this.opens(word);
    if (word === 'when') this.ors = 0;
    if (word === 'or') this.steps += ++this.ors;
    this.before = word;
  }

  sign(sign: string): void {
    if (sign === '(') this.parentheses++;
    if (sign === ')') this.parentheses--;
    if (this.ends) this.close('begin');
    this.ends = false;
    if (sign === ';') this.ors = 0;
    // A variable, or a parameter of a cursor.
    if (this.declaring && (sign === ';' || sign === ',')) this.names += 1;
    this.before = sign === '>' && this.before === '>' ? '>>' : sign;
  }

  private closes(word: string): boolean {
    const ended = this.ends;
    const closes = word === 'end' && this.before === ';' && this.parentheses === 0;
    this.ends = closes;
    if (ended && word !== 'if') this.close(word === 'loop' || word === 'case' ? word : 'begin');
    else if (word === 'end' && !closes) this.close('case');
    return ended;
  }

  private opens(word: string): void {
    if (word === 'declare') {
      if (!this.declaring) this.push('begin', 1);
      this.declaring = true;
    } else if (word === 'begin') {
      if (!this.declaring) this.push('begin', 1);
      this.declaring = false;
    } else if (word === 'loop') {
      // Its label, and what it counts with.
      this.push('loop', 2);
    } else if (word === 'case') {
      // What it compares, which the whole block has.
      this.push('case', BEFORE_STATEMENT.has(this.before) ? 1 : 0);
    } else if (word === 'exception' && this.before !== 'raise') {
      // SQLSTATE and SQLERRM.
      this.names += 2;
    }
  }

  private push(kind: 'begin' | 'loop' | 'case', more: number): void {
    this.open.push({ kind, names: this.names });
    this.names += more;
  }

  /** A block ends with whatever loop seems to be open in it; anything else only where it was opened last. */
  private close(kind: 'begin' | 'loop' | 'case'): void {
    if (kind === 'begin') while (this.open.at(-1)?.kind === 'loop') this.open.pop();
    const last = this.open.at(-1);
    if (last === undefined || (last.kind !== kind && kind !== 'begin')) return;
    this.open.pop();
    if (last.kind !== 'case') this.names = last.names;
  }
}

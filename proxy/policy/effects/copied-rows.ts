interface Level {
  /** Between its items. */
  commas: number;
  /** Of what is assigned here now: so many columns get it; 0 where nothing is. */
  columns: number;
  /** The size of the text before that. */
  since: number;
}

const ENDS = new Set(['where', 'returning', 'from']);

/**
 * `SET (a, b, c) = (…)`: in the tree, what is behind the sign stands once for each column (MultiAssignRef in gram.y), so that a text may
 * be quadratically smaller than its tree. Told a text's words and signs, it says how much more there is than was counted. A comparison of
 * rows looks the same, and counts.
 */
export class CopiedRows {
  private readonly levels: Level[] = [{ commas: 0, columns: 0, since: 0 }];
  /** How many items the parentheses had that have just been closed; 0 behind anything else. */
  private closed = 0;
  private before = '';

  /** `size`: so much has been counted before it. */
  sign(sign: string, size: number): number {
    let more = 0;
    let closed = 0;
    if (sign === '(' || sign === '[') this.levels.push({ commas: 0, columns: 0, since: 0 });
    else if (sign === ')' || sign === ']') {
      more = this.end(size);
      const level = this.levels.length > 1 ? this.levels.pop() : undefined;
      closed = sign === ')' && level !== undefined ? level.commas + 1 : 0;
    } else if (sign === ',') {
      more = this.end(size);
      this.levels.at(-1)!.commas++;
    } else if (sign === ';') more = this.finish(size);
    else if (sign === '=' && this.closed > 1) this.begin(this.closed, size);
    this.closed = closed;
    this.before = sign;
    return more;
  }

  word(sql: string, from: number, to: number, size: number): number {
    this.closed = 0;
    if (this.levels.at(-1)!.columns === 0) {
      this.before = '';
      return 0;
    }
    const word = sql.slice(from, to).toLowerCase();
    const before = this.before;
    this.before = word;
    // As the name of a column, and in IS DISTINCT FROM, it ends nothing.
    return ENDS.has(word) && before !== '.' && before !== 'distinct' ? this.end(size) : 0;
  }

  /** The statement ends. */
  finish(size: number): number {
    let more = 0;
    while (this.levels.length > 1) {
      more += this.end(size + more);
      this.levels.pop();
    }
    return more + this.end(size + more);
  }

  private begin(columns: number, size: number): void {
    const level = this.levels.at(-1)!;
    if (level.columns === 0) level.since = size;
    level.columns = Math.max(level.columns, columns);
  }

  private end(size: number): number {
    const level = this.levels.at(-1)!;
    const more = level.columns === 0 ? 0 : (level.columns - 1) * (size - level.since);
    level.columns = 0;
    return more;
  }
}

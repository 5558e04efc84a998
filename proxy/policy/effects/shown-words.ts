import { everything, type Tree } from './tree.ts';

const WORD = /[\p{L}\p{N}_$]+/gu;
const QUOTED = /"((?:[^"]|"")*)"/g;

/** Characters looked through for words that the tree shows as parts of others. */
const MOST_SEARCHED = 1 << 28;

/** The words that the tree of a body shows: its names, its queries, and what it calls its parts. */
export class ShownWords {
  private readonly words = new Set<string>();
  private readonly body: Tree;
  private json: string | null = null;
  private searched = 0;

  constructor(body: Tree) {
    this.body = body;
    for (const object of everything(body))
      for (const [key, value] of Object.entries(object)) {
        this.words.add(key.toLowerCase());
        for (const text of Array.isArray(value) ? value : [value])
          if (typeof text === 'string') this.add(text);
      }
  }

  private add(text: string): void {
    const shown = text.toLowerCase();
    this.words.add(shown);
    for (const [word] of shown.matchAll(WORD)) this.words.add(word);
    if (shown.includes('"'))
      for (const [, name = ''] of shown.matchAll(QUOTED)) this.words.add(name.replaceAll('""', '"'));
  }

  /** Whole, as hardly any is not, or else as a part of another, as long as it does not take too long to look for that: each is looked for in all of it. */
  has(word: string): boolean {
    if (this.words.has(word.toLowerCase())) return true;
    this.json ??= JSON.stringify(this.body).toLowerCase();
    this.searched += this.json.length;
    if (this.searched > MOST_SEARCHED) return false;
    return this.json.includes(JSON.stringify(word).slice(1, -1).toLowerCase());
  }
}

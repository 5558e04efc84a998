import { Facts } from './facts.ts';

/** Things within things: deeper than this cannot be told. */
const DEEPEST = 100;

/** Things looked into for one question: it may not take for ever. */
const MOST = 5_000;

type Find = () => Facts;

/** Something that leads back to what is not known yet. */
interface Pending {
  readonly key: string;
  readonly find: Find;
  /** As far as they are known. */
  facts: Facts;
  /** The lowest place among those that are being found to which it leads. */
  at: number;
  /** What it was told of others like it when it was last found. */
  told: Map<Pending, Facts>;
}

/** Something that is being found. */
interface Frame {
  /** It, and whatever within it leads back to it or further. */
  readonly pending: Pending[];
  /** The lowest place to which anything in it leads back. */
  low: number;
  /** Something in it was not looked into. */
  cut: boolean;
}

/**
 * What has been found of things that are made of each other, by keys. Where they lead back to themselves, as functions that call each other do,
 * each is first found with the others as far as they are known, and then all of them again and again, until that adds nothing to any: then
 * what is known of each holds with what is known of the others, whichever of them was asked for first.
 */
export class Findings {
  readonly #known = new Map<string, Facts>();
  readonly #pending = new Map<string, Pending>();
  readonly #open: Frame[] = [];
  #steps = 0;
  /** For whom `once` is called. */
  #asking: Pending | undefined;

  /** What is known by this key, or what `find` finds now. That has to be the same each time, but for what it is told here. */
  once(key: string, find: Find): Facts {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const around = this.#open.at(-1);
    const pending = this.#pending.get(key);
    if (pending !== undefined) {
      if (around !== undefined) around.low = Math.min(around.low, pending.at);
      this.#tell(pending);
      return pending.facts;
    }
    if (around === undefined) this.#steps = 0;
    if (this.#open.length >= DEEPEST || ++this.#steps > MOST) {
      if (around !== undefined) around.cut = true;
      return tooMuch();
    }
    return this.#find(key, find, around);
  }

  #find(key: string, find: Find, around: Frame | undefined): Facts {
    const depth = this.#open.length;
    const own: Pending = { key, find, facts: new Facts(), at: depth, told: new Map() };
    const frame: Frame = { pending: [], low: Number.POSITIVE_INFINITY, cut: false };
    this.#pending.set(key, own);
    this.#open.push(frame);
    let done = false;
    try {
      own.facts = this.#ask(own);
      frame.pending.push(own);
      if (frame.low === depth) this.#again(frame, own, depth);
      done = true;
    } finally {
      this.#open.pop();
      if (!done) for (const { key } of [own, ...frame.pending]) this.#pending.delete(key);
    }
    this.#close(frame, own, around);
    return own.facts;
  }

  /** Until nothing is added. What turns out to lead further back is finished there. */
  #again(frame: Frame, own: Pending, depth: number): void {
    for (let more = true; more; ) {
      more = false;
      // Others may join them meanwhile.
      for (const one of frame.pending) {
        if (frame.cut || frame.low < depth) return;
        if ([...one.told].every(([other, facts]) => other.facts === facts)) continue;
        if (++this.#steps > MOST) {
          frame.cut = true;
          own.facts = own.facts.or(tooMuch());
          return;
        }
        const facts = one.facts.or(this.#ask(one));
        if (facts === one.facts) continue;
        one.facts = facts;
        more = true;
      }
    }
  }

  #close({ pending, low, cut }: Frame, own: Pending, around: Frame | undefined): void {
    const further = !cut && around !== undefined && low < this.#open.length;
    for (const one of pending) {
      if (further) one.at = low;
      else this.#pending.delete(one.key);
      // Of what was cut, only what was asked for: it is not to be asked again.
      if (cut ? around === undefined && one === own : !further) this.#known.set(one.key, one.facts);
    }
    if (around === undefined) return;
    around.cut ||= cut;
    if (!further) return;
    around.pending.push(...pending);
    around.low = Math.min(around.low, low);
    this.#tell(own);
  }

  #ask(one: Pending): Facts {
    const before = this.#asking;
    this.#asking = one;
    one.told = new Map();
    try {
      return one.find();
    } finally {
      this.#asking = before;
    }
  }

  /** Whoever is being found is told this: with more of it, they have to be found again. */
  #tell(pending: Pending): void {
    const told = this.#asking?.told;
    if (told?.has(pending) === false) told.set(pending, pending.facts);
  }
}

function tooMuch(): Facts {
  const facts = new Facts();
  facts.cannotTell('functions and views call each other too much to be followed');
  return facts;
}

/** A small generator of pseudo-random numbers (mulberry32): one seed, one run. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 up to, and without, `most`. */
  below(most: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % most;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }
}

const NASTY = [0, 1, 3, 4, 5, 8, 127, 128, 255, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** The same bytes with a few faults: bits, lengths, cuts, repeats, strange bytes. */
export function mutate(random: Random, given: Buffer): Buffer {
  let bytes = Buffer.from(given);
  for (let left = 1 + random.below(3); left > 0 && bytes.length > 0; left--) {
    const at = random.below(bytes.length);
    switch (random.below(6)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes[at]! ^= 1 << random.below(8);
        break;
      case 2:
        if (bytes.length >= at + 4) bytes.writeUInt32BE(random.pick(NASTY), at);
        break;
      case 3:
        bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(bytes.length))]);
        break;
      default:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.of(random.pick([0, 10, 39, 92, 0x51, 0xc3, 255])),
          bytes.subarray(at),
        ]);
    }
  }
  return bytes;
}

/** Cut into pieces at random places. */
export function* pieces(random: Random, bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = random.chance(3) ? bytes.length - at : 1 + random.below(Math.min(40, bytes.length - at));
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

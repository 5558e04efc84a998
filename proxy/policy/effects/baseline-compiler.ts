import { setFlagsFromString } from 'node:v8';

/**
 * Imported before the parser, whose one grammar function is so large that V8's optimizing compiler takes 550 MiB and a second of
 * another core for it, soon after the first statements: an instance of 512 MiB would die of it. The baseline compiler's code takes
 * about twice as long for a text that was not seen before. The three belong together: V8 concludes the others from the first only at its start.
 */
for (const flag of ['--liftoff-only', '--no-wasm-tier-up', '--no-wasm-dynamic-tiering'])
  setFlagsFromString(flag);

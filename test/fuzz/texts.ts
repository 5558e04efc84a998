import { analyse } from '#proxy/policy/analyse.ts';
import type { CatalogView } from '#proxy/policy/catalog-view.ts';
import { READS } from '#test/effects/reads.corpus.ts';
import { WRITES } from '#test/effects/writes.corpus.ts';
import { mutate, type Random } from './random.ts';

const CORPUS = [...READS, ...WRITES].map(String);
const WORDS = CORPUS.flatMap(text => text.split(/\s+/));

/** A random SQL text: of the corpus, mutated, or put together from its words. */
export function randomText(random: Random): string {
  const text = random.pick(CORPUS);
  switch (random.below(4)) {
    case 0:
      return mutate(random, Buffer.from(text)).toString('utf8');
    case 1: {
      const words = text.split(' ');
      words.splice(random.below(words.length), random.below(3), random.pick(WORDS), random.pick(WORDS));
      return words.join(' ');
    }
    case 2:
      return `${text}; ${random.pick(CORPUS)}`;
    default:
      return Array.from({ length: 1 + random.below(8) }, () => random.pick(WORDS)).join(' ');
  }
}

/** The analysis of a text comes to an end, throws nothing, and never calls a read what it does not understand. What is wrong, or null. */
export function fuzzText(catalog: CatalogView, text: string): string | null {
  try {
    const analysis = analyse(text, catalog, ['public']);
    if (analysis.kind === 'syntax-error') return null;
    for (const { effects } of analysis.statements)
      if (effects.readOnly && (effects.unknown.length > 0 || effects.writes.length > 0))
        return `a read that is none: ${JSON.stringify(text)}`;
    return null;
  } catch (error) {
    return `thrown for ${JSON.stringify(text)}: ${(error as Error).stack}`;
  }
}

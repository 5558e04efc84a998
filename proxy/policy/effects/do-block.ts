import type { CommandClass } from '#schemas/effects.ts';
import { type Context, settle } from './context.ts';
import type { Facts } from './facts.ts';
import { walkPlpgsql } from './plpgsql.ts';
import { respell } from './respell.ts';
import { is, list, type Tree, text, tree } from './tree.ts';

/** A DO block runs as written, here and now. */
export function doBlock(context: Context, body: Tree): void {
  const { facts } = context;
  context.computes = true;
  context.variables = true;
  context.itself = false;
  facts.does('do');
  facts.keyed = false;
  const options = list(body.args).map(item => tree(is(item, 'DefElem') ?? {}));
  const option = (name: string) =>
    text(tree(is(options.find(o => o.defname === name)?.arg, 'String') ?? {}).sval);
  const language = (option('language') || 'plpgsql').toLowerCase();
  const source = option('as');
  if (language !== 'plpgsql') {
    facts.cannotRead(`DO in ${language} is not read`);
    return;
  }
  if (respell(source) !== null) facts.ambiguous.add('the DO block');
  const tag = `hp${'q'.repeat(longestRun(source) + 1)}`;
  walkPlpgsql(context, 'the DO block', `DO $${tag}$${source}$${tag}$`, source);
  settle(context);
  facts.commands.delete('select');
  facts.cursor = null;
  facts.rows = null;
  if (facts.changesMeaning) facts.cannotTell('the DO block changes what names mean while it runs');
  if (facts.protected && leavesTraces(facts))
    facts.refuse('the block reads a protected relation and can carry its values elsewhere');
}

/** What a block may consist of and nothing stays of it when it is over. */
const TRACELESS: ReadonlySet<CommandClass> = new Set(['do', 'select', 'call', 'show', 'empty']);

/** They give another value the next time. */
const DRAWING = 'nextval setval random random_normal array_sample array_shuffle'
  .split(' ')
  .map(name => `pg_catalog.${name}`);

/** What stays when a block is over; how often it was done, or whether, a value may have decided. */
function leavesTraces({ writes, carriers, settings, commands, functions }: Facts): boolean {
  if (writes.size + carriers.size + settings.size > 0) return true;
  return [...commands].some(c => !TRACELESS.has(c)) || DRAWING.some(name => functions.has(name));
}

function longestRun(source: string): number {
  let longest = 0;
  for (const [, run = ''] of source.matchAll(/hp(q+)/g)) longest = Math.max(longest, run.length);
  return longest;
}

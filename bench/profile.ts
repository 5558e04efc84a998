import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What V8 writes with `--cpu-prof`, as far as it is read here. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly children?: readonly number[];
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const MOST = 25;

/**
 * `node bench/profile.ts DIR [FUNCTION]`: for each thread whose profile `npm run bench -- --profile DIR` left there, the functions that
 * took most time themselves; with a function's name, who called it and for how much of the time.
 */
const [dir, wanted] = process.argv.slice(2);
if (dir === undefined) {
  console.error('node bench/profile.ts DIR [FUNCTION]');
  process.exit(2);
}
for (const file of readdirSync(dir)
  .filter(name => name.endsWith('.cpuprofile'))
  .sort()) {
  const profile = JSON.parse(readFileSync(join(dir, file), 'utf8')) as Profile;
  const total = profile.timeDeltas.reduce((sum, micros) => sum + micros, 0);
  const shares = wanted === undefined ? bySelf(profile) : byCaller(profile, wanted);
  console.log(`\n${file}: ${(total / 1e6).toFixed(1)} s`);
  for (const [what, micros] of [...shares].sort((a, b) => b[1] - a[1]).slice(0, MOST)) {
    console.log(`${((micros / total) * 100).toFixed(1).padStart(6)} %  ${what}`);
  }
}

function bySelf(profile: Profile): Map<string, number> {
  const names = new Map(profile.nodes.map(node => [node.id, nameOf(node)]));
  return sum(profile, id => names.get(id)!);
}

/** Callers in our own files only: node's inner ones say nothing about who asked. */
function byCaller(profile: Profile, name: string): Map<string, number> {
  const nodes = new Map(profile.nodes.map(node => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(node => (node.children ?? []).map(child => [child, node.id])),
  );
  return sum(profile, id => {
    if (nodes.get(id)!.callFrame.functionName !== name) return null;
    const way: string[] = [];
    for (let at = parents.get(id); at !== undefined && way.length < 6; at = parents.get(at)) {
      const node = nodes.get(at)!;
      if (node.callFrame.url.startsWith('file:')) way.push(nameOf(node));
    }
    return way.join(' ← ');
  });
}

function sum(profile: Profile, keyOf: (id: number) => string | null): Map<string, number> {
  const shares = new Map<string, number>();
  for (const [index, id] of profile.samples.entries()) {
    const key = keyOf(id);
    if (key !== null) shares.set(key, (shares.get(key) ?? 0) + profile.timeDeltas[index]!);
  }
  return shares;
}

function nameOf({ callFrame }: Profile['nodes'][number]): string {
  const root = new URL('..', import.meta.url).href;
  const place = callFrame.url === '' ? '' : ` ${callFrame.url.replace(root, '')}:${callFrame.lineNumber + 1}`;
  return `${callFrame.functionName || '(anonymous)'}${place}`;
}

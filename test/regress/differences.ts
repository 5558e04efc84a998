import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '#test/support/temp.ts';

interface Hunk {
  readonly from: number;
  readonly to: number;
  readonly lines: readonly string[];
}

/** Where `ours` differs from `one`, as `diff` says it, without the places in which `other`, made in the same way as `one`, differs too. */
export function differences(one: string, other: string, ours: string): string[] {
  if (one === ours) return [];
  const known = hunks(one, other);
  return hunks(one, ours)
    .filter(hunk => !known.some(k => k.from <= hunk.to && hunk.from <= k.to))
    .flatMap(hunk => hunk.lines);
}

function hunks(one: string, other: string): Hunk[] {
  if (one === other) return [];
  const dir = tempDir('diff');
  writeFileSync(join(dir, 'a'), one);
  writeFileSync(join(dir, 'b'), other);
  const { stdout } = spawnSync('diff', ['-a', 'a', 'b'], { cwd: dir, encoding: 'utf8', maxBuffer: 1 << 28 });
  const found: { from: number; to: number; lines: string[] }[] = [];
  for (const line of stdout.split('\n')) {
    const head = /^(\d+)(?:,(\d+))?[acd]/.exec(line);
    if (head !== null) found.push({ from: Number(head[1]), to: Number(head[2] ?? head[1]), lines: [line] });
    else found.at(-1)?.lines.push(line);
  }
  return found;
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made = new Set<string>();

/**
 * A fresh folder that only this user may enter. It goes with the process, also when a test fails; servers that write to it have to
 * be stopped before.
 */
export function tempDir(name = 'test'): string {
  if (made.size === 0) process.once('exit', clean);
  const dir = mkdtempSync(join(tmpdir(), `holdpoint-${name}-`));
  made.add(dir);
  return dir;
}

function clean(): void {
  if (process.env.HOLDPOINT_KEEP_TEMP === '1') return;
  for (const dir of made) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tempDir } from '#test/support/temp.ts';
import { run, startSides } from './sides.ts';

/**
 * Runs Postgres's isolation specs, in which several sessions wait for each other's locks, with Postgres's own `isolationtester`: as run.ts
 * does it with its regression scripts.
 */
const [source = '', tester = '', ...only] = process.argv.slice(2);
if (tester === '') {
  console.error('usage: node test/regress/isolation.ts FOLDER ISOLATIONTESTER [spec…]');
  process.exit(2);
}
const folder = resolve(source);
const out = process.env.OUT ?? tempDir('isolation');
mkdirSync(out, { recursive: true });

const sides = await startSides('isolation_regression', JSON.parse(process.env.SETTINGS ?? '{}'));
for (const name of scheduled(folder).filter(n => only.length === 0 || only.includes(n)))
  await sides.compare(name, side =>
    run(tester, ['dbname=isolation_regression'], {
      side,
      script: join(folder, 'specs', `${name}.spec`),
      file: join(out, `${name}.${side.label}`),
      cwd: out,
      env: { PGTZ: 'America/Los_Angeles', PGDATESTYLE: 'Postgres, MDY', PGAPPNAME: `isolation/${name}` },
    }),
  );
process.exit(await sides.end(out));

function scheduled(from: string): string[] {
  const schedule = join(from, 'isolation_schedule');
  const [file, line] = existsSync(schedule)
    ? [schedule, /^test:(.*)$/gm]
    : [join(from, 'Makefile'), /^ISOLATION\s*=(.*)$/gm];
  const text = readFileSync(file, 'utf8').replaceAll('\\\n', ' ');
  return [...text.matchAll(line)].flatMap(match => match[1]!.trim().split(/\s+/));
}

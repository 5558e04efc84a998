import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tempDir } from '#test/support/temp.ts';
import { run, startSides } from './sides.ts';

/**
 * Runs Postgres's own regression scripts with psql on three servers made alike, one of them behind the proxy, and says in which lines
 * psql's output differs. What the two direct runs differ in (process ids, timings) is the scripts' own. See README.md in this folder.
 */
const [source = '', ...only] = process.argv.slice(2);
if (source === '') {
  console.error('usage: node test/regress/run.ts FOLDER [script…]');
  process.exit(2);
}
const folder = resolve(source);
const out = process.env.OUT ?? tempDir('regress');
mkdirSync(out, { recursive: true });

const sides = await startSides('regression', JSON.parse(process.env.SETTINGS ?? '{}'));
for (const server of sides.servers)
  for (const extension of loaded(folder))
    await server.query(`CREATE EXTENSION ${extension} CASCADE`, { database: 'regression' });
const scripts = scheduled(folder);
for (const name of scripts.filter(n => only.length === 0 || n === 'test_setup' || only.includes(n)))
  await sides.compare(name, side => {
    const args = ['-X', '-a', '-q', '-w', '-v', 'HIDE_TABLEAM=on', '-v', 'HIDE_TOAST_COMPRESSION=on'];
    // As pg_regress calls psql.
    return run(process.env.PSQL ?? 'psql', args, {
      side,
      script: join(folder, 'sql', `${name}.sql`),
      file: join(out, `${name}.${side.label}`),
      cwd: existsSync(join(folder, 'parallel_schedule')) ? out : folder,
      env: {
        PGTZ: 'America/Los_Angeles',
        PGDATESTYLE: 'Postgres, MDY',
        PGOPTIONS: '-c intervalstyle=postgres_verbose',
        PG_ABS_SRCDIR: folder,
        PG_ABS_BUILDDIR: out,
        PG_LIBDIR: process.env.PG_LIBDIR ?? folder,
        PG_DLSUFFIX: '.so',
      },
    });
  });
process.exit(await sides.end(out));

/** The scripts in the order of the schedule, or of the Makefile of an extension or a language. */
function scheduled(from: string): string[] {
  const schedule = join(from, 'parallel_schedule');
  if (!existsSync(schedule)) {
    const named = /^REGRESS\s*=(.*)$/m.exec(makefile(from))?.[1] ?? '';
    return named.replace(/\$\(\w+\)/g, '').match(/[\w-]+/g) ?? [];
  }
  return readFileSync(schedule, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('test:'))
    .flatMap(line => line.slice('test:'.length).trim().split(/\s+/));
}

function loaded(from: string): string[] {
  if (existsSync(join(from, 'parallel_schedule'))) return [];
  return [...makefile(from).matchAll(/--load-extension=(\w+)/g)].map(match => match[1]!);
}

function makefile(from: string): string {
  return readFileSync(join(from, 'Makefile'), 'utf8').replaceAll('\\\n', ' ');
}

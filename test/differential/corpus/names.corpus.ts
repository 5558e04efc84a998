import { bind, close, describe, execute, parse, query, type Script, script, sync } from './support.ts';

const LONG = 'n'.repeat(62);
const CUT = 'c'.repeat(63);
/** Two bytes, of which the server keeps one. */
const HALF = `${LONG}é`;
const named = (name: string, n: number) => parse({ name, sql: `select ${n}` });
const go = (statement: string, portal = '') => [bind({ statement, portal }), execute(portal)];

/** Names of statements and portals that the server cuts at 63 bytes: by the byte where the protocol gives them, by the character in SQL. */
export const NAMES: readonly Script[] = [
  script(
    'a statement of 63 bytes and one of 64 are one',
    [named(`${CUT}x`, 1), ...go(`${CUT}x`), sync()],
    [...go(CUT), sync()],
    [...go(`${CUT}${'y'.repeat(300)}`), sync()],
    [named(CUT, 2), sync()],
    [describe('statement', `${CUT}z`), sync()],
    [query(`execute ${CUT}`)],
    [query(`execute ${CUT}zzz`)],
    [query('select name = repeat($$c$$, 63), statement from pg_prepared_statements')],
    [close('statement', `${CUT}w`), named(CUT, 3), ...go(CUT), sync()],
    [query(`deallocate ${CUT}q`)],
    [...go(`${CUT}x`), sync()],
  ),
  script(
    'half a character is another name than SQL can give',
    [named(HALF, 1), sync()],
    [...go(HALF), sync()],
    [...go(LONG), sync()],
    [query(`execute "${HALF}"`)],
    [query(`prepare "${HALF}" as select 2`)],
    [...go(HALF), sync()],
    [...go(LONG), sync()],
    [...go(`${LONG}è`), sync()],
    [...go(`${LONG}ö and more`), sync()],
    [...go(`${LONG}€`), sync()],
    [query(`deallocate "${HALF}"`)],
    [...go(HALF), sync()],
    [close('statement', `${LONG}è`), sync()],
    [...go(HALF), sync()],
    [query('deallocate all')],
  ),
  script(
    'an unknown one is named whole',
    [...go(`${CUT}xyz`), sync()],
    [describe('portal', `${CUT}xyz`), sync()],
    [execute(`${CUT}xyz`), sync()],
    [describe('statement', HALF), sync()],
  ),
  script(
    'portals',
    [query('begin')],
    [parse({ sql: 'select g from generate_series(1, 9) g' }), bind({ portal: `${CUT}a` }), sync()],
    [execute(`${CUT}b`, 2), sync()],
    [query(`fetch 2 from ${CUT}`)],
    [describe('portal', CUT), execute(CUT, 1), sync()],
    [query('savepoint s')],
    [bind({ portal: CUT }), sync()],
    [query('rollback to s')],
    [close('portal', `${CUT}c`), sync()],
    [execute(CUT), sync()],
    [query('rollback')],
  ),
  script(
    'a cursor of SQL',
    [query('begin')],
    [query(`declare "${HALF}" cursor for select g from generate_series(1, 9) g`)],
    [query(`fetch 2 from "${LONG}"`)],
    [close('portal', HALF), sync()],
    [query(`fetch 2 from "${HALF}"`)],
    [close('portal', LONG), sync()],
    [query(`fetch 2 from "${HALF}"`)],
    [query('rollback')],
  ),
];

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsBench } from './support.ts';

/** A table's row is a value of a type of its own, which nobody has to name: casts from it run functions of users. */
const bench = effectsBench(
  `
  create operator ##! (leftarg = int, rightarg = int, function = w_bool);
  create domain checked as text check (w_text(value));
  create table boxes (id int, label text);
  create view over_boxes as select * from boxes;
  create table crates (box boxes);
  create function of_box(boxes) returns text language plpgsql as 'begin delete from public.log; return 1; end';
  create function of_view(over_boxes) returns text language plpgsql as 'begin delete from public.log; return 1; end';
  create cast (boxes as text) with function of_box(boxes);
  create cast (over_boxes as text) with function of_view(over_boxes);
  create function in_body() returns text language plpgsql as 'declare b public.boxes; begin select * into b from public.boxes; return b::text; end';
  create function in_row_type() returns text language plpgsql as 'declare b public.boxes%rowtype; begin b.id := 1; return b::text; end';
  create function one_box() returns boxes language sql as 'select * from public.boxes limit 1';
  create function w_box(boxes) returns int language plpgsql as 'begin delete from public.log; return 1; end';
  create cast (boxes as int) with function w_box(boxes) as assignment;
  create function assigned() returns int language plpgsql as 'declare r record; begin select b into r from public.boxes b; return r.b; end';
  create function any_text(x anyelement) returns text language plpgsql as 'begin return x::text; end';
  create function any_sql(x anyelement) returns text language sql as 'select x::text';
  create function plain() returns trigger language plpgsql as 'begin return new; end';
  create function notes_row() returns trigger language plpgsql as 'begin raise notice using message = new::text; return new; end';
  create table watched (id int); create trigger t before insert on watched for each row execute function notes_row();
  create function of_watched(watched) returns text language plpgsql as 'begin delete from public.log; return 1; end';
  create cast (watched as text) with function of_watched(watched);
  create table asked (id int, t text);
  create trigger t before insert on asked for each row when (w_plpgsql(new.id) = 1) execute function plain();
  create trigger u after update on asked for each row when (old.id operator(public.##!) new.id) execute function plain();
  create trigger d after delete on asked for each row when (old.t::checked is null) execute function plain();
  create table ruled_row (id int); create function of_ruled(ruled_row) returns text language plpgsql as 'begin delete from public.log; return 1; end';
  create cast (ruled_row as text) with function of_ruled(ruled_row);
  create rule r as on insert to ruled_row where new::text = 'a' do also select 1;
`,
);

for (const sql of [
  'select b::text from boxes b',
  'select boxes::text from boxes',
  'select cast(b as text) from boxes b',
  'select (b.*)::text from boxes b',
  'select (select b)::text from boxes b',
  'select v::text from over_boxes v',
  'select x::text from (select b as x from boxes b) s',
  'select x::text from (select b from boxes b) s (x)',
  'with w as (select b from boxes b) select b::text from w',
  'select (array_agg(b))::text[] from boxes b',
  'select (array_agg(b))[1]::text from boxes b',
  'select box::text from crates',
  'select (box).id, (crates.box)::text from crates',
  'select b::text from boxes as b (x, y)',
  'select b::text from only boxes b',
  'select b::text from boxes b join log on true',
  'select one_box()::text',
  'select b::text from one_box() b',
  'select in_body()',
  'select in_row_type()',
  'select any_text(b) from boxes b',
  'select any_sql(b) from boxes b',
  "insert into boxes values (1, 'a') returning boxes::text",
  'update boxes b set id = 1 returning b::text',
  'delete from boxes b returning b::text',
  'insert into log (id) select b from boxes b',
  'update log set id = b from boxes b',
  'explain select b::text from boxes b',
  'copy (select b::text from boxes b) to stdout',
  'select 1 from log order by (select b::text from boxes b limit 1)',
  'select b::text::int from boxes b',
  'select null::boxes::text',
  "select row(1, 'a')::boxes::text",
  "select '(1,a)'::boxes::text",
  'select of_box(b) from boxes b',
  'select b.of_box from boxes b',
  'select (b).of_box from boxes b',
])
  test(`a cast from a row runs the function of its table's owner: ${sql}`, () => {
    const { effects } = bench.one(sql);
    assert.equal(effects.writes.includes('public.log') || effects.unknown.length > 0, true);
    assert.equal(effects.readOnly, false);
  });

for (const sql of [
  'insert into watched values (1)',
  'copy watched from stdin',
  'insert into ruled_row values (1)',
  'select assigned()',
])
  test(`so do those of rows that bodies and rules meet: ${sql}`, () => {
    const { effects } = bench.one(sql);
    assert.equal(effects.writes.includes('public.log') || effects.unknown.length > 0, true);
  });

for (const [sql, called] of [
  ['insert into asked values (1)', 'w_plpgsql'],
  ['copy asked from stdin', 'w_plpgsql'],
  ['update asked set id = 2', 'w_bool'],
  ['delete from asked', 'w_text'],
] as const)
  test(`what the condition of a trigger calls is called by: ${sql}`, () => {
    const { effects } = bench.one(sql);
    assert.equal(effects.functions.includes(`public.${called}`), true);
    assert.equal(effects.writes.includes('public.log'), true);
  });

test('columns of such a table are cast as ever', () => {
  assert.equal(bench.one('select id::text, label from boxes where id::int = 1').effects.readOnly, true);
  assert.equal(bench.one('select id::text from crates, boxes').effects.readOnly, true);
});

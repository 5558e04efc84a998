/** Groups of lines, each under its title. */
function grouped(text: string): [string, string[]][] {
  return text
    .trim()
    .split(/\n\n(?=# )/)
    .map(group => group.split('\n').filter(line => line !== ''))
    .map(([title, ...lines]) => [title!.slice(2), lines]);
}

/**
 * What conditions tell and masks leave (docs/policy.md): asserted to differ, so that this list can only become shorter. A condition on a
 * protected value is what finds the row that an agent was asked about; to refuse it would be to refuse the table.
 */
export const TOLD: readonly { readonly why: string; readonly statements: readonly string[] }[] = [
  {
    why: 'a condition tells which rows, and how many, have a value',
    statements: [
      `select count(*) from people where ssn like '1%'`,
      `select id, name from people where email = 'ax1one@example.com' and id < 5`,
      `select 'yes' where exists (select from people where id = 1 and ssn like '1%')`,
      `select ssn from people except select '100001017'`,
      `select n from generate_series(1, 9000) n where n in (select salary from people)`,
    ],
  },
  {
    why: 'a condition tells which rows of another table are like a value',
    statements: [
      `select label from kids where id = (select small from people where id = 1)`,
      `select k.label from people p left join kids k on k.id = p.small where p.id = 1`,
      `select id % 3 from kids group by id having id <= (select small from people where id = 1)`,
      `select count(*) from kids group by id % (select small from people where id = 1)`,
    ],
  },
  {
    why: 'a write tells by the rows that it touches, and leaves there what its condition has found',
    statements: [
      `delete from kids where id > (select small from people where id = 1)`,
      `update kids set label = 'found' where id < (select small from people where id = 2)`,
    ],
  },
  {
    why: 'rows come in the order of values where the statement says so',
    statements: [`select name from people order by md5(ssn)`],
  },
  {
    why: 'what cannot be computed or kept is an error, of which the SQLSTATE is told, and which column, key or foreign key it is about',
    statements: [
      `select ssn::int from people where id < 3`,
      `select 1 / (salary - 1011) from people where id < 3`,
      `select format('%' || ssn) from people`,
    ],
  },
  {
    why: 'statistics tell how long values are and how they are spread, and plans how many there were',
    statements: [
      `select correlation, avg_width from pg_stats where tablename = 'people' and attname = 'ssn'`,
      `explain (analyze, costs off, timing off, summary off) select * from people where ssn like '1%'`,
    ],
  },
];

/** Statements that may not tell anything of `people` but its public columns, each said by itself, by the kind of way out. */
export const SAID = grouped(String.raw`
# a value, its rows and its transformations
select ssn from people where id < 3
select ssn as id from people where id < 3
select people from people where id < 3
select people.*::text from people where id < 3
select row(ssn) from people where id < 3
select (people).ssn from people where id < 3
select array[ssn] from people where id < 3
select ssn||'' from people where id < 3
select reverse(ssn) from people where id < 3
select upper(ssn) from people where id < 3
select left(ssn,3) from people where id < 3
select substr(ssn,1,1) from people where id < 3
select ascii(ssn) from people where id < 3
select length(ssn) from people where id < 3
select md5(ssn) from people where id < 3
select sha256(ssn::bytea) from people where id < 3
select hashtext(ssn) from people where id < 3
select ssn::bytea from people where id < 3
select encode(ssn::bytea, 'base64') from people where id < 3
select to_json(people) from people where id < 3
select row_to_json(people) from people where id < 3
select to_jsonb(people)->'ssn' from people where id < 3
select json_build_object('a', ssn) from people where id < 3
select jsonb_build_array(ssn) from people where id < 3
select format('%s', ssn) from people where id < 3
select concat_ws('', ssn) from people where id < 3
select quote_literal(ssn) from people where id < 3
select coalesce(ssn, '') from people where id < 3
select nullif(ssn, '') from people where id < 3
select greatest(ssn, '') from people where id < 3
select case when true then ssn end from people where id < 3
select (select ssn) from people where id < 3
select (select p.ssn from people p where p.id = people.id) from people where id < 3
select array(select ssn from people) from people where id < 3
select salary from people where id < 3
select salary+0 from people where id < 3
select -salary from people where id < 3
select salary::text from people where id < 3
select to_char(salary, '999999') from people where id < 3
select born+0 from people where id < 3
select extract(year from born) from people where id < 3
select age(born) from people where id < 3
select date_part('day', born) from people where id < 3
select to_char(born, 'YYYY') from people where id < 3
select born - date '2000-01-01' from people where id < 3
select regexp_replace(ssn, '^', '') from people where id < 3
select regexp_match(ssn, '.*') from people where id < 3
select regexp_split_to_array(ssn, '') from people where id < 3
select regexp_substr(ssn, '.') from people where id < 3
select regexp_count(ssn, '1') from people where id < 3
select split_part(ssn, '0',1) from people where id < 3
select strpos(ssn, '7') from people where id < 3
select position('7' in ssn) from people where id < 3
select overlay('xxxxxxxx' placing ssn from 1) from people where id < 3
select translate(ssn, '1', 'a') from people where id < 3
select ssn collate "C" from people where id < 3
select ssn::varchar(3) from people where id < 3
select ssn::char from people where id < 3
select ssn::name from people where id < 3
select ssn::numeric from people where id < 3
select ssn::bigint%10 from people where id < 3
select name(people) from people where id < 3
select ssn(people) from people where id < 3
select people::text from people where id < 3
select cast(people as text) from people where id < 3
select row(people.*) from people where id < 3
select md5(people::text) from people where id < 3
select hash_record(people) from people where id < 3
select record_eq(people, people) from people where id < 3
select people is null from people where id < 3
select pg_column_size(ssn) from people where id < 3
select num_nulls(ssn) from people where id < 3
select octet_length(ssn) from people where id < 3
select bit_length(ssn) from people where id < 3
select char_length(ssn) from people where id < 3
select crc32(ssn::bytea) from people where id < 3
select hash_array(tags) from people where id < 3
select hashint4(salary) from people where id < 3
select chr(small+60) from people where id < 3
select to_hex(salary) from people where id < 3
select salary::bit(32) from people where id < 3
select point(salary,0) from people where id < 3
select cash_words(salary::money) from people where id < 3
select salary::money from people where id < 3
select string_to_array(ssn, null) from people where id < 3
select unistr('\'||ssn) from people where id < 3
select normalize(ssn) from people where id < 3
select casefold(ssn) from people where id < 3
select to_timestamp(salary) from people where id < 3
select interval '1 day'*small from people where id < 3
select date '2000-01-01'+small from people where id < 3
select born::timestamp from people where id < 3
select born::text from people where id < 3
select (born, born) overlaps (date '1970-01-01', date '1980-01-01') from people where id < 3
select isfinite(born) from people where id < 3
select date_trunc('year', born) from people where id < 3
select date_bin('1 year', born, '2000-01-01') from people where id < 3
select justify_days(age(born)) from people where id < 3
select (select string_agg(x, '') from unnest(tags) x) from people where id < 3
select ssn is normalized from people where id < 3
select note||ssn from people where id < 3
select (name, ssn) from people where id < 3
select row(id, ssn)::text from people where id < 3
select array_agg(people) over () from people where id < 3

# parts of documents, arrays, bytes and ranges
select doc->>'k' from people where id < 3
select doc#>>'{k}' from people where id < 3
select doc->'n' from people where id < 3
select jsonb_pretty(doc) from people where id < 3
select jsonb_path_query_first(doc, '$.k') from people where id < 3
select doc['k'] from people where id < 3
select jsonb_typeof(doc) from people where id < 3
select JSON_VALUE(doc, '$.k') from people where id < 3
select JSON_QUERY(doc, '$.k') from people where id < 3
select JSON_EXISTS(doc, '$.k ? (@ starts with "A")') from people where id < 3
select doc @? '$.k ? (@ starts with "A")' from people where id < 3
select doc ? 'k' from people where id < 3
select tags[1] from people where id < 3
select array_length(tags,1) from people where id < 3
select array_to_string(tags, ',') from people where id < 3
select unnest(tags) from people where id < 3
select tags[1:1] from people where id < 3
select cardinality(tags) from people where id < 3
select small from people where id < 3
select repeat('x', small) from people where id < 3
select repeat('x', small::int) from people where id < 3
select generate_series(1, small) from people where id < 3
select lpad('', small, 'x') from people where id < 3
select small>3 from people where id < 3
select get_byte(raw,0) from people where id < 3
select encode(raw, 'hex') from people where id < 3
select convert_from(raw, 'LATIN1') from people where id < 3
select lower(span) from people where id < 3
select upper(span) from people where id < 3
select span @> 8 from people where id < 3
select (select count(*) from generate_series(lower(span), upper(span))) from people where id < 3
select xmlelement(name a, ssn) from people where id < 3
select xmlforest(ssn) from people where id < 3
select query_to_xml('select ssn from people', true, true, '') from people where id < 3
select table_to_xml('people', true, true, '') from people where id < 3
select xmlserialize(content xmlelement(name a, ssn) as text) from people where id < 3
select to_tsvector(ssn) from people where id < 3
select ts_headline(ssn, to_tsquery('1')) from people where id < 3
select set_bit('00'::bytea, small,1) from people where id < 3
select numrange(salary, null) from people where id < 3
select int4range(small,10) from people where id < 3
select parse_ident(ssn) from people where id < 3
select parse_ident('x'||ssn) from people where id < 3
select json_each_text(to_json(people)) from people where id < 3
select jsonb_object_keys(doc) from people where id < 3
select jsonb_each(doc) from people where id < 3
select json_array_elements(to_json(tags)) from people where id < 3
select json_populate_record(null::pair, json_build_object('a', ssn)) from people where id < 3
select trim_array(tags,1) from people where id < 3
select array_position(tags, 'ta') from people where id < 3
select tags && array['ta'] from people where id < 3
select 'ta' = any(tags) from people where id < 3
select array_sort(tags) from people where id < 3
select array_reverse(tags) from people where id < 3
select xmlagg(xmlelement(name a, ssn)) over () from people where id < 3
select json_serialize(json_scalar(ssn)) from people where id < 3
select json_array(ssn) from people where id < 3
select json_object('k':ssn) from people where id < 3

# what is said of a value: tests, types, lengths
select ssn like '1%' from people where id < 3
select ssn = '100001017' from people where id < 3
select ssn~'^1' from people where id < 3
select starts_with(ssn, '1') from people where id < 3
select ssn is distinct from 'x' from people where id < 3
select (ssn,1)<('2',1) from people where id < 3
select ssn between '1' and '15' from people where id < 3
select ssn in ('100001017') from people where id < 3
select salary is null from people where id < 3
select ssn is null from people where id < 3
select pg_typeof(ssn) from people where id < 3
select width_bucket(salary,0,100000,10) from people where id < 3
select make_interval(days=>salary) from people where id < 3
select make_date(2000,1, small) from people where id < 3
select pg_input_is_valid(ssn, 'int') from people where id < 3
select pg_input_error_info(ssn, 'int') from people where id < 3
select (pg_input_error_info(ssn||'x', 'int')).message from people where id < 3
select ssn is json from people where id < 3
select ssn is json scalar from people where id < 3
select exists(select from people x where x.ssn = people.ssn and x.ssn like '1%') from people where id < 3
select id in (select id from people where ssn like '1%') from people where id < 3
select (array[name, note, city, name])[small] from people where id < 3
select nullif(left(ssn, 1), '1'), nullif(left(ssn, 1), '2') from people where id < 3
select case when salary & 1 = 1 then 'x' end, case when salary & 2 > 0 then 'x' end, case when salary & 4 > 0 then 'x'::name end from people where id < 3
select (select 'x' where salary < 3000), substring(ssn from '^1'), doc -> 'AAAA', case when salary < 3000 then '{}'::jsonb end from people where id < 3
select max(note) filter (where salary < 3000), string_agg('x', '') filter (where ssn like '1%') from people
select x.a from (select case when salary < 3000 then 'x' end as a from people) x
update people set note = note where id = 1 returning case when salary < 3000 then 'x' end
select most_common_elems, elem_count_histogram, range_length_histogram from pg_stats where tablename = 'people'

# windows
select bool_and(ssn like '1%') over () from people where id < 3
select first_value(ssn) over (order by id) from people where id < 3
select lag(ssn) over (order by id) from people where id < 3
select rank() over (order by ssn) from people where id < 3
select ntile(2) over (order by salary) from people where id < 3
select sum(salary) over (order by id rows 1 preceding) from people where id < 3
select count(*) filter (where ssn like '1%') over () from people where id < 3
select row_number() over (partition by small) from people where id < 3
select count(*) over (order by salary range between 1500 preceding and current row) from people where id < 3
select max(id) over (order by born range between '1 day' preceding and current row) from people where id < 3

# functions that the owner has made
select f_ssn(id) from people where id < 3
select f_row(id) from people where id < 3
select (f_row(id)).ssn from people where id < 3
select (f_set()).ssn from people where id < 3
select f_len(ssn) from people where id < 3
select * from rows from (f_set(), generate_series(1,3)) t
select * from f_tab()
select b from f_tab()
select * from f_ssn(1)
select * from f_row(1)
select count(*) from f_set() f(a, b, c, d) where d like '1%'

# a value as the name or number of something else
select salary::oid::regclass from people where id < 3
select salary::oid::regtype from people where id < 3
select ('x'||ssn)::regclass from people where id < 3
select to_regclass(ssn) from people where id < 3
select format_type(salary::oid, null) from people where id < 3
select pg_get_userbyid(salary::oid) from people where id < 3
select col_description('people'::regclass, small) from people where id < 3
select obj_description(salary::oid, 'pg_class') from people where id < 3
select current_setting(ssn) from people where id < 3
select current_setting(ssn, true) from people where id < 3
select has_table_privilege(ssn, 'people', 'select') from people where id < 3
select has_column_privilege('people', ssn, 'select') from people where id < 3
select setseed(small/100.0) from people where id < 3
select (1/(small-2)) from people where id < 3
select array[1,2,3][small] from people where id < 3
select substr(name, small) from people where id < 3
select left('abcdefgh', small) from people where id < 3
select rpad('q', small) from people where id < 3
select split_part('a,b,c,d,e,f', ',', small) from people where id < 3
select ('[1,2,3,4,5,6]'::jsonb)->small from people where id < 3

# aggregates and groups
select max(ssn) from people
select min(salary), sum(salary), avg(salary), stddev(salary), count(distinct small) from people
select string_agg(ssn, ',' order by id) from people
select array_agg(ssn) from people
select json_agg(people) from people
select jsonb_object_agg(id, ssn) from people
select jsonb_object_agg(ssn, id) from people
select percentile_disc(0.5) within group (order by ssn) from people
select percentile_cont(0.5) within group (order by salary) from people
select mode() within group (order by ssn) from people
select rank(5000) within group (order by salary) from people
select ssn, count(*) from people group by 1
select small, count(*) from people group by small order by 2
select count(*) from people group by small order by 1
select count(*) from people group by substr(ssn,1,1)
select id from people group by grouping sets ((id), (ssn)) order by 1
select grouping(id, ssn), id, ssn from people where id < 3 group by cube(id, ssn)
select any_value(ssn) from people
select bit_or(salary) from people
select bool_or(ssn like '1%') from people
select every(ssn like '1%') from people
select regr_slope(salary, id) from people
select corr(salary, id) from people
select range_agg(span) from people
select xmlagg(xmlelement(name a, ssn)) from people
select count(*) filter (where ssn like '1%') from people
select sum((ssn like '1%')::int) from people
select count(case when ssn like '1%' then 1 end) from people
select count(nullif(ssn like '1%', false)) from people
select case ssn when '100001017' then 'yes' else 'no' end from people where id = 1

# other shapes: sets, CTEs, laterals, joins, views, inheritance
select distinct ssn from people
select distinct on (ssn) id, ssn from people
select ssn from people union select 'x'
select 'x' union all select ssn from people where id = 1
select name from people where id < 2 intersect select ssn from people
table people
select * from (table people) t(a, b, c, d)
select d from (select * from people) t(a, b, c, d)
select * from people p(a, b, c, d) where a = 1
with x as (select ssn s from people) select s from x
with x(s) as (table people) select * from x
with recursive r(i, s) as (select 1, ssn from people where id = 1 union all select i+1, s from r where i<3) select * from r
with recursive r(i, s) as (select 1, '' union all select i+1, (select ssn from people where id = r.i) from r where i<3) select * from r
with recursive r(i, s) as (select id, ssn from people where id = 1 union all select r.i+1, p.ssn from r join people p on p.id = r.i+1 where r.i<3) search depth first by s set o select o from r
with recursive r(i, s) as (select id, ssn from people where id = 1 union all select r.i+1, p.ssn from r join people p on p.id = r.i+1 where r.i<3) cycle s set c using pth select pth from r
with x as materialized (select * from people) select x from x limit 1
select l.* from people p, lateral (select p.ssn) l
select l.x from people p, lateral (values (p.ssn)) l(x)
select l.x from people p cross join lateral unnest(array[p.ssn]) l(x)
select j.v from people p, lateral json_each_text(row_to_json(p)) j(k, v)
select j.* from people p, json_table(p.doc, '$' columns(k text path '$.k')) j
select x.* from people p, xmltable('/a' passing xmlelement(name a, p.ssn) columns v text path '.') x
select g from people p, generate_series(1, p.small) g
select g.n from people p, generate_series(1, p.small) with ordinality g(v, n)
values ((select ssn from people where id = 1))
select * from (values ((select ssn from people where id = 1))) v(x)
select k.label, p.ssn from kids k join people p on p.id = k.parent where k.id = 1
select p.ssn from kids k left join people p on p.id = k.parent where k.id = 1
select ssn from people natural join mypeople
select ssn from people p join people p2 using(ssn) where p.id = 1
select x.ssn from (people p join people p2 using(ssn)) x
select x from (people p join kids k using (id)) x
select p from people p join kids k using(id) limit 1
select ju from people p join kids k using(id) as ju limit 1
select ju.ssn from people p join people k using(id, ssn) as ju limit 1
select ju from people p join people k using(ssn) as ju limit 1
select code from v_people
select * from v_inv limit 1
select code from m_people
select v_people from v_people limit 1
select ssn from only people limit 1
select ssn from child
select * from child
select child from child
select child::people from child
select (child::people).ssn from child
select ssn from people tablesample system(100) limit 1
select id from people tablesample bernoulli((select salary%100 from people where id = 1)) repeatable(1)
select grouping(ssn) from people where id < 3

# order by a protected value
select name from people order by ssn
select name from people order by ssn using > limit 1
select * from people where ssn>'' order by ssn desc limit 1 for update
select name from people order by small, id
select array_agg(k.id order by p.ssn) from kids k join people p using(id)
select string_agg(name, ',' order by md5(ssn)) from people
select array_agg(name order by md5(ssn)) from people
select first_value(name) over (order by md5(ssn)) from people
select json_agg(name order by md5(ssn)) from people

# as many rows as a value says
with recursive r (n) as (select 1 union all select n + 1 from r where n < (select salary from people where id = 1)) select n from r
with recursive r as (select 1 as n union all select n + 1 from r where n < (select salary from people where id = 1)) select 1 from r
with recursive r (n) as (select 1 union all select r.n + 1 from r, people p where p.id = 1 and p.salary > r.n) select 1 from r
with recursive r (n) as (select 1 union all select n + 1 from r join people p on p.id = 1 and n between 0 and p.salary) select 1 from r
with recursive r (s) as (select salary from people where id = 1 union all select s - 1 from r where s > 0) select 1 from r
with recursive r (s) as (select salary from people where id = 1 union select greatest(s - 1, 0) from r) select 1 from r
with recursive r (n) as (select 1 union select least(n + 1, (select salary from people where id = 1)) from r) select count(*) from r
with recursive r (n) as (select 1 union all select n + 1 from r where n not in (select salary from people where id = 1)) select 1 from r
with recursive r (n, s) as (select 1, salary from people where id = 1 union all select n + 1, s from r where not n = s) select n from r
with recursive r as (select * from (select 1 as n, salary as s from people where id = 1) q union all select n + 1, s from r where n < s) select n from r
with recursive r (n) as (select 1 union all select n + 1 from r where exists (select from people p where p.id = 1 and p.salary > n)) select n from r
select * from xmltable('/r/a' passing xml('<r>' || repeat('<a/>', (select salary from people where id = 1)) || '</r>') columns v for ordinality)
select 1 from people p, xmltable('/r/a' passing xml('<r>' || repeat('<a/>', p.small) || '</r>') columns v for ordinality) where p.id = 1
select 1 from people p, json_table(('[' || repeat('1,', p.small) || '1]')::json, '$[*]' columns (v int path '$')) where p.id = 1
select 1 from generate_series(1,100) limit (select small from people where id = 1)
select g from generate_series(1,100) g offset (select salary%90 from people where id = 1)
select g from generate_series(1,20) g fetch first (select small from people where id = 1) rows only
select label from kids order by id limit (select small from people where id = 1)
select g from generate_series(1,9000) g where g = (select salary from people where id = 1)
select g from generate_series(1,9000) g join people p on p.salary = g where p.id = 1
select g from generate_series(1,9000) g, people p where p.salary = g and p.id = 1
select max(g) from generate_series(1,9000) g where g <= (select salary from people where id = 1)
select count(*) from generate_series(1,9000) g where g <= (select salary from people where id = 1)
select g from generate_series(1,9000) g where exists (select from people where id = 1 and salary = g)
select n from (values (1011), (2011), (5077), (3)) v(n) where n = (select salary from people where id = 1)
select n from unnest(array[1011,5077]) n join people p on p.salary = n
with recursive r(n) as (select 1000 union all select n+1 from r where n<5100) select n from r join people p on p.salary = r.n where p.id = 1
with recursive r(n) as (select 1 union all select n+1 from r where n<(select salary from people where id = 1)) select max(n) from r
with recursive r(n) as (select 1 union all select n+1 from r, people p where p.id = 1 and n<p.salary) select count(*) from r
select string_to_table(lpad('', (select salary from people where id = 1), 'x'), null)
select x from people p, string_to_table(lpad('', p.small, 'x'), null) x where p.id = 1
select 1 from people p, string_to_table(lpad('', p.small, 'x'), null) x where p.id = 1
select 1 from people p, regexp_split_to_table(rpad('', p.small, 'x'), '') x where p.id = 1
select 1 from people p, unnest(array_fill(1, array[p.small::int])) x where p.id = 1
select count(*) from people p, unnest(array_fill(1, array[p.small::int])) x where p.id = 1
select 1 from people p, jsonb_array_elements(('['||rtrim(lpad('', p.small*2, '1,'), ',')||']')::jsonb) x where p.id = 1
select 1 from people p, unnest(p.tags) where id = 1
select 1 from people p, generate_subscripts(p.tags,1) where id = 1
select 1 from people p, generate_series(born, '1985-06-01'::date, '1 year') where id = 1
select g from people p, generate_series(born, '1985-06-01'::date, '1 year') with ordinality x(d, g) where id = 1
select 1 from generate_series(1,10) g, people p where p.id = 1 and g<@p.span
select g from generate_series(1,10) g, people p where p.id = 1 and g<@p.span
select i from generate_series(1,20) i, people p where p.id = 1 and substr(p.ssn, i,1) = '7'
select i||c from generate_series(1,9) i, unnest(string_to_array('0,1,2,3,4,5,6,7,8,9', ',')) c, people p where p.id = 1 and substr(p.ssn, i,1) = c
with x as (select small as id from people where people.id = 1) select 1 from kids limit (select id from x)
with x(id) as (select small from people where people.id = 1) select 1 from kids limit (select id from x)
with x as (select small as id from people where people.id = 1) select 1 from kids offset (select id from x)
with x as (select salary as id from people where people.id = 1) select g from kids k, x, generate_series(1, x.id) g where k.id = 1
with x as (select salary as id from people where people.id = 1) select 1 from kids k, x, generate_series(1, x.id) g where k.id = 1
select count(*) from kids k, (select salary as id from people where people.id = 1) x, generate_series(1, x.id) g where k.id = 1
select 1 from (select salary as id from people where people.id = 1) x, generate_series(1, x.id) g
select 1 from (select salary from people where people.id = 1) x(id), generate_series(1, x.id) g
select count(*) from (select salary from people where people.id = 1) x(id), generate_series(1, id) g
select 1 from people tablesample bernoulli((select salary%100 from people where id = 1)) repeatable(1)
select string_to_table(lpad('', small, 'x'), null) from people where id = 1
select unnest(array_fill(1, array[small::int])) from people where id = 1
select json_array_elements(('['||rtrim(repeat('1,', small), ',')||']')::json) from people where id = 1
select 'x', unnest(string_to_array(repeat('x', small), null)) from people where id = 1
select 7 from (select unnest(string_to_array(repeat('x', small), null)) from people where id = 1) x
select count(*) from (select unnest(string_to_array(repeat('x', salary), null)) from people where id = 1) x
select count(*) from (select generate_series(1, salary) from people where id = 1) x
select count(*) from (select string_to_table(rpad('', salary, 'x'), null) from people where id = 1) x
select count(*) from (select ssn from people group by rollup(ssn, small)) x
select count(*) from people p, lateral (select 1 from generate_series(1,9000) g where g<p.salary) x where p.id = 1
select count(*) from people p join generate_series(1,9000) g on g<p.salary where p.id = 1
select count(*) from people p left join generate_series(1,9000) g on g<p.salary where p.id = 1
select count(*) from people p join kids k on k.id <= p.small where p.id = 1
select 1 from kids fetch first (select small from people where id = 1) rows with ties
select 1 from kids order by id fetch first (select small from people where id = 1) rows with ties
select t.v from people p, regexp_split_to_table(p.ssn, '') t (v)
select 1 from people p, regexp_matches(p.ssn, '1', 'g') where id = 1
select 1 from people p, string_to_table(replace(left(p.ssn, 1), '2', '22222'), null) where id = 1
select 1 from people p, unnest((array[1, 2, 3, 4, 5, 6, 7, 8, 9])[1:p.small]) where id = 1
select unnest(trim_array(array[1, 2, 3, 4, 5, 6, 7, 8, 9], small)) from people where id = 1
select 1 from unnest(array(select id from kids where id <= (select small from people where id = 1)))
select 1 from people p, jsonb_path_query('[1, 2, 3, 4, 5]', '$[*] ? (@ < $x)', jsonb_build_object('x', p.small)) where id = 1
select 1 from people p, json_table('[1, 2, 3, 4, 5]'::jsonb, '$[*] ? (@ < $x)' passing p.small as x columns (a int path '$')) where id = 1
select unnest(xpath('/r/a[position() < ' || small || ']', '<r><a/><a/><a/><a/></r>'::xml)) from people where id = 1
select 1 from (select (array[1, 2, 3, 4, 5])[1:small] as tags from people where id = 1) q, unnest(q.tags)
with q(tags) as (select (array[1, 2, 3, 4, 5])[1:small] from people where id = 1) select unnest(tags) from q
select 1 from people p, f_many(p.small) where id = 1
select f_many(small) from people where id = 1
do $$ begin for i in 1..(select small from people where id = 1) loop raise notice 'x'; end loop; end $$
do $$ begin if (select salary from people where id = 1) > 3000 then raise info 'x'; else raise warning 'x' using errcode = 'P0003'; end if; end $$

# what a condition sets against a value
select max(k.id) from kids k join people p on p.small = k.id
select sum(k.id) from kids k where exists (select from people p where p.id = k.id and p.small = 3)
select (select max(id) from kids where id <= p.small) from people p where p.id = 1
select (select label from kids where id = p.small) from people p where p.id = 1
select string_agg(c, '' order by i) from generate_series(1,9) i, unnest(string_to_array('0,1,2,3,4,5,6,7,8,9', ',')) c, people p where p.id = 1 and substr(p.ssn, i,1) = c
select string_agg(c, '' order by i) from generate_series(1,9) i, (values ('0'), ('1'), ('2'), ('7'), ('9')) v(c) where c = (select substr(ssn, i,1) from people where id = 1)
select v.c from (values ('a', '100001017'), ('b', '20000190177')) v(c, s), people p where p.ssn = v.s
select case when exists(select from people where id = 1 and salary = 1011) then 'A' else 'B' end
select 'A' from people where id = 1 and ssn like '1%' union all select 'B' from people where id = 1 and ssn like '2%'
select id from people order by salary<->1000
select id from people tablesample bernoulli(50) repeatable((select salary from people where id = 1))
select sum(1) over (order by id rows between (select small from people where id = 1) preceding and current row) from kids
select count(*) over (order by id rows (select small from people where id = 1) preceding), id from kids
select first_value(id) over (order by id rows between (select small from people where id = 1) following and unbounded following) from kids
select nth_value(id, (select small from people where id = 1)) over () from kids
select lag(id, (select small from people where id = 1)::int) over (order by id) from kids
select ntile((select small from people where id = 1)) over (order by id) from kids
select percentile_disc((select small/10.0 from people where id = 1)) within group (order by id) from kids
select id from kids order by id offset (select small from people where id = 1)
select id from kids order by case when (select ssn from people where id = 1) like '1%' then id else -id end
select count(*) from kids group by (id <= (select small from people where id = 1)) order by 1
select max(id) from kids group by (id <= (select small from people where id = 1)) order by 1
select id from kids intersect select small from people
select id from kids except select small from people
select id from kids intersect all select small::int from people
select count(*) from (select id from kids intersect select small from people) x
select id from kids k natural join (select small as id from people) p
select k.id from kids k join (select small as id from people) p using (id)
select id from kids k join (select small as id from people where id = 1) p using (id)
select id from kids k left join (select small as id from people where id = 1) p using (id) where p.id is not null
select merged.id from (kids k join (select small as id from people where id = 1) p using (id)) as merged
select k.id from kids k where (k.id, true) = (select small, true from people where id = 1)
select k.id from kids k where row(k.id) = any (select small from people where id = 1)
select k.id from kids k where not (k.id <> (select small from people where id = 1))
select k.id from kids k where not exists (select from people where id = 1 and small <> k.id)
select k.id from kids k where k.id not in (select x from generate_series(1,12) x where x <> (select small from people where id = 1))
select k.id from kids k where abs(k.id - (select small from people where id = 1)) = 0
select k.id from kids k where case k.id when (select small from people where id = 1) then true end
select k.id from kids k where nullif(k.id, (select small from people where id = 1)) is null
select k.id from kids k where k.id is not distinct from (select small from people where id = 1)
select (select k.id from kids k where k.id = p.small) from people p where p.id = 1
select k.id from people p left join lateral (select k.id from kids k where k.id = p.small) k on true where p.id = 1
select k.label from people p left join lateral (select * from kids k offset p.small limit 1) k on true where p.id = 1
select k.label from people p left join lateral (select * from kids k order by k.id limit p.small) k on true where p.id = 1
select (array_agg(id order by id))[(select small from people where id = 1)] from kids
select json_agg(id)->(select small from people where id = 1)::int from kids
select array_agg(id) filter (where id = (select small from people where id = 1)) from kids
select sum(id) filter (where id = (select small from people where id = 1)) from kids
select jsonb_path_query_array('[1,2,3,4,5,6,7,8,9]', '$[*] ? (@ == $x)', jsonb_build_object('x', (select small from people where id = 1)))
select jsonb_path_exists('[1,2]', '$[*] ? (@ == $x)', jsonb_build_object('x', small)) from people where id = 1
select * from json_table('[1,2,3,4,5,6]', '$[*] ? (@ == $x)' passing (select small from people where id = 1) as x columns(v int path '$'))
select v from people p, json_table('[1,2,3,4,5,6]', '$[*] ? (@ == $x)' passing p.small as x columns(v int path '$')) j where p.id = 1
select json_query('[1,2,3,4,5,6]', '$[*] ? (@ == $x)' passing (select small from people where id = 1) as x)
select * from xmltable(('/r/a['||(select small from people where id = 1)||']') passing '<r><a>1</a><a>2</a><a>3</a><a>4</a></r>' columns v text path '.')
delete from kids where id = (select small from people where id = 1) returning id
update kids set label = label where id = (select small from people where id = 1) returning id
merge into kids k using (select small from people where id = 1) p on k.id = p.small when matched then update set label = k.label returning k.id
with d as (update kids set label = label where id in (select small from people) returning id) select * from d
insert into sink(n) select g from generate_series(1,9000) g where g = (select salary from people where id = 1) returning n
select count(*) from kids k where exists (select from people p where p.id = 1 and k.id <= p.small)
select count(*) from kids a, kids b where a.id*10+b.id <= (select salary/100 from people where id = 1)
select count(*) from kids k, (select small as id from people where people.id = 1) p where k.id <= p.id
select count(*) from kids k where k.id <= any (select small from people where id = 1)
select count(*) from kids k where k.id between 0 and (select small from people where id = 1)
select count(*) from kids k, people p where p.id = 1 and int4le(k.id, p.small)
select count(*) from kids k, people p where p.id = 1 and p.span @> k.id
select count(*) from kids k group by k.id <= (select small from people where id = 1)
select k.id, e.id from people e join kids k on k.id = e.small
select k.id, e.id from people e, kids k where k.id = e.small+0
select k.id, e.id from people e, kids k where k.id - e.small = 0
select e.id, max(k.id) from people e, kids k where k.id <= e.small group by e.id
select id from kids k join (select small as id from people) p using (id)
select id from kids natural join (select small as id from people where people.id = 1) p
select x.n from (select id as n from kids) x join people p on x.n = p.small
select k.id from kids k where k.id in (select small from people)
with r as (select small from people where id = 1) select k.id from kids k, r where k.id = r.small
with r as (select small as id from people where id = 1) select k.id from kids k, r where k.id = r.id
with r as (select small as parent from people where id = 1) select k.id from kids k join r on k.id = r.parent
select id from (select small as id from people) x limit 3
select exists(select from people where ssn like '1%')
select id from kids k where (select k.id = small from people p where p.id = 1)
select id from kids k where (select bool_or(k.id = p.salary % 9) from people p where p.id = 1)
select id from kids k where true = any (array(select k.id = small from people p where p.id = 1))
select id from kids k where (select count(*) filter (where k.id = small) from people p where p.id = 1) > 0
select id from kids k where (select min(abs(k.id - small)) from people p where p.id = 1) = 0
select k.id from kids k, lateral (select small = k.id as hit from people p where p.id = 1) x where x.hit
with x as (select id, id in (select small from people where id = 1) as c from kids) select id from x where c
with x as (select id, id in (select small from people where id = 1) as c from kids) select id from x order by c desc limit 1
with x (a, c) as (select id, id in (select small from people where id = 1) from kids) select a from x where c
select k.id from kids k, people p where p.id = 1 and k.id = p.f_small and 1 = (select 1 as f_small)
select k.id from kids k, (select p.* from people p) q, (select 1 as f_small) z where q.id = 1 and k.id = q.f_small
select x from v_met
select x as y, x + 1 from v_met
select * from v_hit where hit
select x from v_hit order by hit desc limit 1
select * from v_most
select count(*) from v_many
select y from v_of_met
select k.id from kids k join v_met on v_met.x = k.id
select id from rowwise
select max(id), sum(id) from rowwise

# errors
select ('x'||ssn)::int from people
select ssn::smallint from people
select email::int from people
select (doc->>'k')::int from people
select tags::int[] from people
select (born::text||'z')::date from people
select salary::smallint*1000::smallint from people
select ssn::shortdom from people
select ('{'||ssn)::json from people
select xmlparse(document '<'||ssn) from people
select ssn::inet from people
select ssn::uuid from people
select ssn::regclass from people
select ('"'||ssn||'"')::regrole from people
select to_number(ssn, 'x') from people
select 1 from people where ssn::date is null
select 1 from people where case when ssn like '1%' then 1/0 = 1 else true end
select case when ssn like '1%' then 'x'::int else 1 end from people
select ('x'||ssn)::xml::text::int from people
select jsonb_path_query(doc, 'strict $.nope.k') from people
select doc::int from people
select (doc->'k')::int from people
select jsonb_to_tsvector(doc, ssn::jsonb) from people
select ssn::bit(4) from people
select ssn::tsquery from people
select ('!'||ssn||' (')::tsquery from people
select regexp_match('a', ssn||'(') from people
select 'a' like 'a'||ssn||'\' from people
select decode(ssn, 'hex') from people
select decode('zz'||ssn, 'base64') from people
select encode(raw, ssn) from people
select convert(raw, 'UTF8', ssn) from people
select to_char(now(), 'x') at time zone ssn from people
select now() at time zone ssn from people
select date_trunc(ssn, now()) from people
select date_part(ssn, now()) from people
select format(ssn||'%q') from people
select set_config(ssn, 'x', false) from people
select set_config('application_name', ssn, false) from people
select set_config('my.x', ssn, false) from people
select set_config('search_path', ssn, false) from people
select set_config('DateStyle', ssn, false) from people
select pg_notify('c', ssn) from people
select pg_notify(ssn, '') from people
select pg_logical_emit_message(false, 'x', ssn) from people
select to_regtype(ssn) from people
select make_timestamp(salary,13,1,0,0,0) from people
select make_date(small,13,1) from people
select 10::numeric(2,1)*salary::numeric(1) from people
select (ssn||'e400')::float8 from people
select int4range(10, small) from people
select (tags)[1]::int from people
select array_fill(1, array[-salary]) from people
select chr(-salary) from people
select repeat('x',1000000000*small::int) from people
select generate_series(1,3, salary-salary) from people
select width_bucket(1,1,1, salary) from people
select has_table_privilege(ssn, 'select') from people
select has_schema_privilege(ssn, 'usage') from people
select pg_get_serial_sequence('people', ssn) from people
select json_value(doc, '$.k' returning int error on error) from people
select json_query(doc, '$.k' returning int error on error) from people
select jt.* from people, json_table(doc, '$' columns(k int path '$.k' error on error)) jt

# catalogs, statistics, plans
select histogram_bounds::text from pg_stats where tablename = 'people' and attname = 'ssn'
select most_common_vals from pg_stats where tablename = 'people'
select n_distinct from pg_stats where tablename = 'people' and attname = 'small'
select * from pg_catalog.pg_statistic
select stavalues1::text from pg_statistic where starelid = 'people'::regclass
select * from pg_stats_ext
select * from pg_stats_ext_exprs
select stxdmcv from pg_statistic_ext_data
select s from pg_stats s where tablename = 'people'
select to_json(s) from pg_stats s where tablename = 'm_people'
select histogram_bounds from pg_stats where tablename = 'm_people'
select histogram_bounds from pg_stats where tablename = 'child'
select pg_get_statisticsobjdef(oid) from pg_statistic_ext
explain select * from people where ssn = '100001017'
explain (format json) select * from people where salary<5000
explain select * from people where ssn < '15'
explain (verbose) select * from people where ssn = (select ssn from people where id = 1)
explain (analyze, timing off, summary off, format xml) select ssn from people where ssn like '1%'
explain (generic_plan) select * from people where ssn=$1
explain (analyze, timing off, summary off) select g from generate_series(1,100) g limit (select small from people where id = 1)
explain (analyze, timing off, summary off) select id from people order by ssn
explain (analyze, timing off, summary off) select 1 from kids where id <= (select small from people where id = 1)
explain (analyze, timing off, summary off, serialize) select ssn from people
explain (analyze, timing off, summary off, memory) select ssn from people group by ssn
explain (analyze, wal, timing off, summary off) select ssn from people
select * from pg_prepared_statements
select * from pg_settings where name like 'my%'
select indexdef from pg_indexes where tablename = 'people'
select pg_get_viewdef('v_people'::regclass)
select database_to_xml(true, true, '')
select schema_to_xml('public', true, true, '')
select query_to_xml_and_xmlschema('select ssn from people', true, true, '')
select table_to_xml_and_xmlschema('people', true, true, '')

# which of several errors it is
select case when ssn like '1%' then repeat('x', id - 1)::int::text else repeat('x', id - 1)::float8::text end from people where id = 1
select case when ssn like '1%' then repeat('x', id - 1)::bigint::text else repeat('x', id - 1)::uuid::text end from people where id = 1
select case when ssn like '1%' then repeat('x', id - 1)::onecheck::text else repeat('x', id - 1)::othercheck::text end from people where id = 1
select ssn::digits from people where id = 1
alter table people add constraint k1 check (ssn !~ '^1'), add constraint k2 check (ssn !~ '^2')
do $$ begin if (select salary from people where id = 1) > 3000 then raise sqlstate 'P0002'; else raise sqlstate 'P0004'; end if; end $$
do $$ declare n int; begin if (select salary from people where id = 1) > 3000 then select 1 into strict n from kids; else raise exception 'x'; end if; end $$

# ordinary work
select k.id, k.label, p.name from kids k join people p on p.id = k.parent limit 2
select count(*) from people p join kids k on k.parent = p.id where p.salary > 100
select k.id, k.label from kids k where k.parent in (select id from people where email = 'axx@example.com')
select count(*) from kids where parent in (select id from people where email = 'x')
select k.id, k.label, p.id from kids k join people p on lower(p.email) = lower(k.label) 
select id, name, city from people where salary between 1 and 100000 order by salary desc limit 2
select id, name from people where id = (select parent from kids where id = 2)
select p.id, p.name, (select count(*) from kids k where k.parent = p.id) from people p limit 2
select p.id, p.name, k.n from people p join (select parent, count(*) n from kids group by parent) k on k.parent = p.id limit 2
with x as (select parent, count(*) as n from kids group by parent) select p.name, x.n from people p join x on x.parent = p.id where x.n > 0 limit 2
select p.name, k.label from people p left join kids k on k.parent = p.id and k.label <> 'x' where p.city = 'city 1'
select a.name, b.name from people a join people b on a.ssn = b.ssn and a.id<b.id
select k.label from kids k, generate_series(1,2) g where k.id = g
select p.name, g from people p, generate_series(1,2) g where p.id = g
select p.name from people p, unnest(array[1,2]) u(x) where p.id = u.x
select name from people where id = any(array[1,2])
select name from people where (id, city) in ((1, 'city 1'), (2, 'city 2'))
select city, count(*) from people group by city having count(*) > 1 order by 2
select p.id, row_number() over (order by p.id) from people p limit 2
select id from people where id > 3 order by id limit 3 offset 1
select k.label, p.name from kids k natural join (select id, name from people) p limit 2
select label, name from kids join people using (id) limit 2
delete from kids k using people p where p.id = k.parent and p.email = 'q' returning k.id, p.name
update kids set label = 'z' from people p where p.id = kids.parent and p.id = 1 returning kids.id, kids.label

# writes
insert into mypeople select id, ssn from people on conflict do nothing
insert into sink (v) select ssn from people
insert into sink (j) select to_jsonb(people) from people
insert into sink (v) values ((select ssn from people where id = 1)) returning v
update people set note = ssn returning note
update people set note = (select ssn from people p where p.id = people.id) returning note
update kids set label = p.ssn from people p where p.id = kids.id returning label
update kids set label = p.note from people p where p.id = kids.id returning p.ssn, p.*, kids.*
update people set city = city returning old.ssn, new.ssn, old, new, ssn || ''
update people set city = city returning with (old as o, new as n) o.ssn, n, o.*
update people set ssn = ssn || 'x' returning ssn, length(ssn)
update people set salary = salary + 1 where id = 1 returning salary, old.salary - 5
update people set name = null where id = 1
delete from kids using people p where p.id = kids.id returning p.ssn, p
merge into kids k using people p on p.id = k.id when matched then update set label = p.ssn returning k.label
merge into kids k using people p on p.id = k.id when matched then update set label = k.label returning p.ssn, p, merge_action()
insert into people (id, name, email, ssn) values (1, 'x', 'q', 'y') on conflict (id) do update set note = people.ssn returning note
insert into people (id, name, email, ssn) values (1, 'x', 'q', 'y') on conflict (id) do update set city = 'x' returning ssn, people, salary + 1
insert into people (id, name, email) values (1, 'x', 'axYone@example.com')
insert into people (id, name, email) select 500, 'x', email from people where id = 1
insert into people (id, name, email) select id + 600, null, ssn from people where id = 1
with x as (select ssn from people) insert into sink (v) select ssn from x returning v
create table c1 as select * from people
create table c2 as select id, ssn as x from people
create table c3 as with x (q) as (select ssn from people) select q from x
create table c4 as select f_ssn(1) as q
create table c5 as select code from v_people
create table c6 as select b from f_tab()
create table c7 as select * from m_people
select ssn as x into c8 from people
create view c9 as select ssn as x from people
create materialized view c10 as select ssn || '' as x from people
create unique index on people (small)
create unique index on people ((salary % 2))
alter table people alter ssn type date using ssn::date
alter table people alter name type text using ssn
alter table people add g text generated always as (ssn || '') stored
alter table people add foreign key (small) references kids (id)
alter table kids add foreign key (id) references people (small)
do $$ begin raise notice '%', (select ssn from people where id = 1); end $$
do $$ begin raise exception '%', (select ssn from people where id = 1); end $$
do $$ begin perform set_config('application_name', (select ssn from people where id = 1), false); end $$
do $$ begin perform pg_notify('ch', (select ssn from people where id = 1)); end $$
do $$ begin execute format('create table %I ()', 't' || (select ssn from people where id = 1)); end $$

# copy
copy people to stdout
copy people (ssn) to stdout csv header
copy people (id, name) to stdout
copy (select ssn from people) to stdout
copy (select upper(ssn) from people) to stdout binary
copy people to stdout binary
copy (table people) to stdout (format csv, force_quote *)
copy v_people to stdout
copy m_people to stdout
copy child to stdout
copy (select * from f_tab()) to stdout
copy (select id, label from kids order by id) to stdout
copy (update people set city = city returning ssn) to stdout
`);

/** Several statements of one session, that change nothing which outlives it. */
export const SAID_IN_STEPS = grouped(`
# a cursor over protected values, and one of the same name over others
begin
declare c scroll cursor for select ssn, salary + 1, people from people order by id
fetch 2 from c
fetch prior from c
fetch absolute 3 from c
update people set city = city where current of c returning ssn
commit
begin
declare c cursor for select label from kids order by id
savepoint a
close c
declare c cursor for select ssn as label from people order by id
rollback to a
fetch 1 from c
rollback

# a cursor that outlives its transaction
declare c cursor with hold for select ssn from people order by id
fetch 3 from c
close c
begin
declare c cursor with hold for select ssn as label from people order by id
commit
declare d cursor with hold for select label from kids order by id
fetch c
fetch d
close c
begin
declare c cursor with hold for select label from kids order by id
rollback
fetch c

# a cursor that a function opens, or opens anew
begin
select opened('c')
fetch 2 from c
rollback
begin
declare c cursor for select label from kids order by id
fetch 1 from c
select swapped('c')
fetch 2 from c
rollback

# prepared statements, also made by a body
prepare p1 as select ssn from people where id = $1
execute p1(1)
explain (analyze, timing off, summary off) execute p1(1)
prepare p2 (text) as select $1
execute p2((select ssn from people where id = 1))
prepare s as select label from kids order by id
select run('deallocate s')
select run('prepare s as select ssn from people')
execute s
do $$ begin execute 'deallocate s'; execute 'prepare s as select ssn from people'; end $$
execute s
do $$ begin execute format('prepare pp as select %L', (select ssn from people where id = 1)); end $$
execute pp

# another schema before public
set search_path = s2, public
select label from kids order by id limit 1
execute s
reset search_path
select set_config('search_path', 's2, public', false)
select label from kids order by id limit 1
reset all
select pg_catalog.set_config('search' || '_path', 's2, public', false)
select label from kids order by id limit 1
reset all
select set_config(variadic array['search_path', 's2, public', 'false'])
select label from kids order by id limit 1
reset all
update pg_settings set setting = 's2, public' where name like 'search%'
select label from kids order by id limit 1
reset all
select run('set search_path = s2, public')
select label from kids order by id limit 1
reset all
call turned()
select label from kids order by id limit 1
reset all
set schema 's2'
select label from kids order by id limit 1

# a path of a transaction that is taken back
begin
set local search_path = s2, public
select label from kids order by id limit 1
savepoint a
set local search_path = public
rollback to a
select label from kids order by id limit 1
commit
begin; set local search_path = public; commit; set search_path = s2, public; begin; rollback; select label from kids order by id limit 1
begin; set search_path = s2, public; savepoint a; reset search_path; rollback to a; select label from kids order by id limit 1; commit

# settings, notifications and comments as a place to keep a value
set application_name = 'x'
do $$ begin perform set_config('application_name', (select ssn from people where id = 1), false); end $$
show application_name
do $$ begin perform set_config('my.x', (select ssn from people where id = 1), false); end $$
select current_setting('my.x', true)
listen ch
do $$ begin perform pg_notify('ch', (select ssn from people where id = 1)); end $$
select 1
select pg_notify('ch', ssn) from people where id = 1
select 1
begin
do $$ begin execute format('comment on table kids is %L', (select ssn from people where id = 1)); end $$
select obj_description('kids'::regclass)
rollback

# names that are changed in a transaction
begin
alter table people rename column ssn to zzz
select zzz from people
rollback
begin
create temp view kids as select ssn as label from public.people
select label from kids
rollback

# which of several checks does not hold
begin
alter table people add constraint k1 check (ssn !~ '^1') not valid, add constraint k2 check (ssn !~ '^2') not valid
update people set name = name where id = 1
rollback

# what a block leaves in the catalog or in the session
begin
do $$ begin if (select salary from people where id = 1) > 3000 then create schema made; end if; end $$
select count(*) from pg_namespace where nspname = 'made'
rollback
begin
do $$ begin if (select salary from people where id = 1) > 3000 then prepare made as select 1; end if; end $$
select name from pg_prepared_statements where name = 'made'
rollback
begin
select setseed(0.5)
do $$ begin for i in 1..(select small from people where id = 1) loop perform random(); end loop; end $$
select random()
rollback

# a cast that makes other values of those in a column, and the mask that shows a part of them
begin
drop view v_inv
alter table people drop constraint people_email_key
create type en as enum ('1aa@x.co', '2aa@x.co')
create function toen(text) returns en language sql immutable as $$ select (enum_range(null::en))[case when $1 like '%one@%' then 1 else 2 end] $$
create cast (text as en) with function toen(text) as assignment
alter table people alter column email type en
alter table people alter column email type text
select email from people where id = 1
rollback

# a column that the parent loses and its child keeps
begin
alter table only people drop column ssn cascade
select ssn from child
rollback

# what a write keeps for a later statement
begin
insert into sink (v) select p.f_code from people p where p.id = 1
select v from sink
rollback
begin
insert into sink (v) select q.f_code from (select p.* from people p) q, (select 1 as f_code) x where q.id = 1
select v from sink
rollback
begin
update people p set note = p.f_code where id = 1
select note from people where id = 1
rollback
begin
merge into kids k using people p on p.id = k.id when matched then update set label = p.f_code
select label from kids order by id
rollback
begin
insert into sink (n) select k.id from kids k where k.id = (select small from people where id = 1)
select n from sink
rollback
begin
insert into sink (n) select count(*) from kids k where k.id <= (select small from people where id = 1)
select n from sink
rollback
begin
insert into sink (n, v) select k.id, k.label from kids k join people p on p.small = k.id where p.id = 1
select n, v from sink
rollback
begin
create table kept as select k.id from kids k join people p on p.small = k.id where p.id = 1
select id from kept
rollback
begin
insert into sink (n) select x from v_met
insert into sink (n) select x from v_most
insert into sink (n) select count(*) from v_many
insert into sink (n) select id from rowwise
select n from sink
rollback
begin
do $$ begin for i in 1..(select small from people where id = 1) loop perform nextval('counter'); end loop; end $$
select last_value from counter
rollback
begin
do $$ begin if (select salary from people where id = 1) > 3000 then set timezone = 'UTC'; else set timezone = 'CET'; end if; end $$
show timezone
rollback
`);

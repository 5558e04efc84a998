\copy items to 'items.txt'
\copy items (id, name) to 'items.csv' csv header
\copy (select id, price from items where id < 4) to stdout with (format csv, delimiter ';')
\copy items to 'items.bin' binary
create table copies (like items);
\copy copies from 'items.txt'
\copy copies from 'items.bin' binary
\copy copies (id, name) from 'items.csv' csv header
select count(*), count(distinct id), sum(price) from copies;
truncate copies;
\copy copies from program 'head -3 items.txt'
select * from copies;
\copy copies from 'items.csv'
\copy nowhere from 'items.txt'
\copy copies from 'not there'
copy copies (id, name) from stdin;
1001	from the script
1002	tab\there \\ and \N
1003	\N
\.
copy copies (id, name) from stdin csv;
1004,"a ""quoted"" word"
1005,"two
lines"
\.
copy copies (id, name) from stdin;
one	wrong
\.
copy copies (id, price) from stdin;
1	2	3
\.
copy copies to stdout;
copy (select 1/0) to stdout;
copy copies from stdin \; select count(*) from copies;
2001	a	1	\N
\.
begin;
copy copies (id, name) from stdin;
3001	x
\.
rollback;
select count(*) from copies;
copy items to stdout (format binary) \g items.copy
\! cksum items.txt items.csv items.bin items.copy
drop table copies;

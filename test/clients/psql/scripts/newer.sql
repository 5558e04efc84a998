select $1 + $2 as sum \bind 3 4 \g
select $1 as x \bind 'it''s' \g
select 1 / $1::int \bind 0 \g
select $1 \bind \g
selec $1 \bind 1 \g
insert into notes values ($1, $2, $3) returning * \bind 21 bound 1 \g
delete from notes where id = $1 \bind 21 \g
select $1::int as a \bind 5 \gset
\echo :a
select $1::int as a, $2 as b \bind 6 7 \gx
select 1 as a \bind \crosstabview
begin \bind \g
select count(*) from items where id < $1 \bind 10 \g
select broken \bind \g
commit \bind \g
\drg
\pset format unaligned
\t on
select 1 as watched \watch i=0.05 c=3

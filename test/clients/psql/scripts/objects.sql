\set VERBOSITY verbose
\! yes 'a large object of the tests' | head -c 100000 > object.in
\lo_import object.in 'of the tests'
\lo_list
\dl+
\lo_export :LASTOID object.out
\! cmp object.in object.out && echo the same
\set first :LASTOID
begin;
\lo_import object.in
select lo_open(:LASTOID, 131072 | 262144) as fd \gset
select loread(:fd, 20);
select lo_lseek(:fd, 5, 0);
select lowrite(:fd, 'XX'::bytea);
select lo_lseek64(:fd, 0, 0);
select convert_from(loread(:fd, 12), 'UTF8');
select lo_truncate(:fd, 8), lo_tell(:fd), lo_close(:fd);
commit;
select length(lo_get(:LASTOID));
\lo_unlink :LASTOID
\lo_unlink :first
\lo_export :first gone.out
\lo_unlink 99999999
begin;
\lo_export 99999999 gone.out
select 1;
rollback;

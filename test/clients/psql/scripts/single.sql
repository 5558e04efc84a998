insert into notes values (11, 'in one transaction', 1);
select count(*) from notes;
insert into notes values (12, 'no such item', 99999);
insert into notes values (13, 'never', 1);

.mode column
create table city (name text primary key, people integer, at blob) without rowid;
insert into city values ('Nantes', 320732, x'01ff'), ('Arles', 50454, null), ('Metz', 120874, zeroblob(3));
select *, typeof(at) from city order by people desc;
.mode csv
select name, people * 1.0 / (select sum(people) from city) as share from city;
.mode quote
select * from city;
.dump
.schema
.tables
select nothing from nowhere;
with recursive s(n, x) as (select 1, 1.0 union all select n + 1, x / 3 + 1 from s where n < 20) select group_concat(printf('%.12g', x)) from s;
select json_extract('{"a": [1, {"b": "c"}]}', '$.a[1].b'), strftime('%Y-%m-%d', 86400 * 365, 'unixepoch'), round(sqrt(2), 9);
.output report.txt
select name from city where people > 100000;
.output
insert into city values ('Metz', 1, null);
create virtual table words using fts5(line);

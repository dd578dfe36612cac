#!/bin/bash
# The shell of SQLite, four writers at once.
for tool in sqlite3; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
sqlite3 t.db <<'X'
create table t(a integer primary key, b text);
begin; with recursive c(x) as (values(1) union all select x+1 from c where x<20000) insert into t select x, hex(x*7919) from c; commit;
create index i on t(b); select count(*), max(b) from t; pragma integrity_check; vacuum; .mode csv
select * from t where b like '%FF%' limit 5;
pragma journal_mode=wal; insert into t values(100001,'x'); select count(*) from t;
.backup b.db
X
ls; sqlite3 b.db 'pragma quick_check'; for i in 1 2 3 4; do sqlite3 t.db ".timeout 60000" "begin immediate; insert into t(b) values('p$i'); commit;" & done; wait; sqlite3 t.db "select count(*) from t where b like 'p%'"; sqlite3 t.db .dump | md5sum | wc -c

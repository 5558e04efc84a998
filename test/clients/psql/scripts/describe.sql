\set VERBOSITY verbose
\d
\d+
\dt
\dt+ kinds.*
\di
\di+ kinds.*
\df
\df+ kinds.*
\dfa kinds.*
\dft kinds.*
\dfp kinds.*
\du
\du+
\dg
\dn
\dn+
\dp kinds.*
\z
\ddp
\dx
\dx+
\dy
\l
\l+ template1
\d items
\d+ items
\d+ notes
\d kinds.*
\d+ kinds.parents
\d+ kinds.children
\d+ kinds.logs
\d+ kinds.logs_2025
\d+ kinds.base
\d+ kinds.derived
\d+ kinds.happy
\d+ kinds.counts
\d+ kinds.numbers
\d+ kinds.remote
\d kinds.parents_note
\d kinds.pair
\d nothing
\dT+ kinds.*
\dD+ kinds.*
\dC+ kinds.*
\do+ kinds.*
\da+ kinds.*
\dO+ kinds.*
\dF+ kinds.*
\dFd+ kinds.*
\dFp
\dFt
\dP+ kinds.*
\dX kinds.*
\dRp+
\dRs
\dew+
\des+
\deu+
\det+ kinds.*
\dE kinds.*
\dm+ kinds.*
\dv+ kinds.*
\ds+ kinds.*
\dL
\dL+
\db
\db+
\dA+
\dAc btree integer
\dAf btree integer
\dAo btree integer_ops
\dAp btree integer_ops
\dc pg_catalog.utf8_to_*1
\dconfig work_*
\dd kinds.*
\dl
\drds
\dS pg_class
\sf kinds.twice
\sf+ kinds.nothing
\sv kinds.happy
\sv+ kinds.happy
\encoding

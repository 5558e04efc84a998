/**
 * The questions to pg_catalog. Any role may ask them; every one works with an empty search_path, under which Postgres prints user
 * names qualified. Users' own objects have OIDs from 16384 (FirstNormalObjectId).
 */
const NOT_TEMP_TOAST = `n.nspname !~ '^pg_toast_temp_'`;

export const FUNCTIONS = `
  select p.oid, n.nspname, p.proname, p.prokind, l.lanname, p.provolatile, p.proargtypes, p.pronargdefaults, p.provariadic,
         p.prorettype, p.proretset
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang`;

const OWN_FUNCTION = `
  select p.oid, to_json(p.proallargtypes), to_json(p.proargnames), p.prosrc,
         coalesce(pg_get_function_sqlbody(p.oid), ''), to_json(p.proconfig), coalesce(e.extname, ''),
         coalesce(pg_get_expr(p.proargdefaults, 0), ''),
         case when l.lanname = 'plpgsql' and p.prokind <> 'a' then pg_get_functiondef(p.oid) else '' end,
         concat(p.proowner, case when p.prosecdef then ' definer' end), case when p.prosecdef then pg_get_userbyid(p.proowner) end
    from pg_proc p join pg_language l on l.oid = p.prolang
    left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    left join pg_extension e on e.oid = d.refobjid
   where p.oid >= 16384 or `;

export const OWN_FUNCTIONS = `${OWN_FUNCTION}l.lanname not in ('internal', 'c', 'sql')`;

/** The same, where it is known which of initdb's functions are in another language by now. */
export const OWN_FUNCTIONS_OF = (oids: readonly number[]) => OWN_FUNCTION + oidIn('p.oid', oids);

/** True for these OIDs. */
export function oidIn(column: string, oids: readonly number[]): string {
  return oids.length === 0 ? 'false' : `${column} in (${oids.join(', ')})`;
}

export const AGGREGATES = `
  select aggfnoid::oid, array_to_string(array[aggtransfn::oid, aggfinalfn::oid, aggcombinefn::oid, aggserialfn::oid, aggdeserialfn::oid,
         aggmtransfn::oid, aggminvtransfn::oid, aggmfinalfn::oid], ' ')
    from pg_aggregate where aggfnoid >= 16384`;

export const OPERATORS = `
  select o.oid, n.nspname, o.oprname, o.oprleft, o.oprright, o.oprresult, o.oprcode::oid, o.oprcom, o.oprnegate
    from pg_operator o join pg_namespace n on n.oid = o.oprnamespace`;

export const TYPES = `
  select t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, t.typelem, t.typrelid, coalesce(r.rngsubtype, 0),
         array_to_string(array[t.typinput::oid, t.typoutput::oid, t.typreceive::oid, t.typsend::oid, t.typmodin::oid, t.typmodout::oid,
           t.typsubscript::oid, coalesce(r.rngcanonical::oid, 0), coalesce(r.rngsubdiff::oid, 0)], ' '),
         coalesce(r.rngtypid, 0)
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    left join (select rngtypid as typ, * from pg_range union all select rngmultitypid, * from pg_range) r on r.typ = t.oid
   where ${NOT_TEMP_TOAST} and n.nspname <> 'pg_toast'`;

export const DOMAIN_CHECKS = `
  select contypid, pg_get_expr(conbin, 0) from pg_constraint where contypid <> 0 and conbin is not null`;

export const CASTS = `
  select castsource, casttarget, castfunc, castcontext from pg_cast
   where (oid >= 16384 and castfunc <> 0) or (castcontext = 'i' and casttarget >= 16384)`;

/** Operator families: which types' comparisons call which user functions. */
export const COMPARISONS = `
  select amproclefttype, amprocrighttype, amproc::oid, amprocfamily from pg_amproc where amproc >= 16384
  union all
  select amoplefttype, amoprighttype, o.oprcode::oid, amopfamily from pg_amop join pg_operator o on o.oid = amopopr where o.oprcode >= 16384`;

export const RELATIONS = `
  select c.oid, n.nspname, c.relname, c.relkind, c.reltuples, c.relispartition, c.relrowsecurity, c.reltoastrelid,
         (select json_agg(json_build_array(a.attnum, a.attname, a.atttypid::int8) order by a.attnum) from pg_attribute a
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
         concat_ws(' ', c.relowner, c.relrowsecurity, c.relforcerowsecurity,
           case when c.relkind = 'v' then array_to_string(c.reloptions, ',') end),
         pg_get_userbyid(c.relowner)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'v', 'm', 'f', 'p', 'S', 'c', 't') and ${NOT_TEMP_TOAST}`;

/**
 * Relations and user functions that the views of users mention, from their stored trees. A tree is long: it is unpacked once (OFFSET keeps
 * it apart), and cut where a field begins, as a search by pattern takes longer than all else. In a name or a constant no blank stands
 * without a backslash, so that none looks like a field.
 */
export const VIEWS = `
  select c.oid, pg_get_viewdef(c.oid),
         (select json_agg(distinct f.oid) from (${fieldsOf(`':relid '`)}) f where f.oid is not null),
         (select json_agg(distinct f.oid) from (${fieldsOf(`'funcid '`, `'fnoid '`)}) f where f.oid >= 16384)
    from pg_class c join pg_rewrite r on r.ev_class = c.oid and r.ev_type = '1'
   cross join lateral (select concat(r.ev_action) as tree offset 0) t
   where c.relkind in ('v', 'm') and c.oid >= 16384`;

/** The OIDs that follow these words in `t.tree`. */
function fieldsOf(...words: readonly string[]): string {
  const cut = words.map(word => `(string_to_array(t.tree, ${word}))[2:]`).join(' || ');
  return `select substring(left(rest, 11) from '^\\d+')::int8 as oid from unnest(${cut}) rest`;
}

export const VIEW_TREES = (oids: readonly number[]) =>
  `select ev_class, ev_action::text from pg_rewrite where ev_type = '1' and ev_class in (${oids.join(', ')})`;

export const RULES = `
  select ev_class, pg_get_ruledef(oid) from pg_rewrite where oid >= 16384 and ev_type <> '1' and ev_enabled <> 'D'`;

export const POLICIES = `
  select polrelid, coalesce(pg_get_expr(polqual, polrelid), ''), coalesce(pg_get_expr(polwithcheck, polrelid), ''),
         concat_ws(' ', polname, polcmd, polpermissive, polroles::text)
    from pg_policy join pg_class c on c.oid = polrelid where c.relrowsecurity`;

/** Of a generated column also its number, and those that it is computed from. Before Postgres 14 the column itself depends on them. */
export const DEFAULTS = `
  select d.adrelid, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attnum,
         case when a.attgenerated <> '' then (
           select json_agg(distinct s.refobjsubid) from pg_depend s
            where s.refclassid = 'pg_class'::regclass and s.refobjid = d.adrelid and s.refobjsubid > 0
              and ((s.classid = 'pg_attrdef'::regclass and s.objid = d.oid and s.objsubid = 0)
                or (s.classid = 'pg_class'::regclass and s.objid = d.adrelid and s.objsubid = d.adnum))) end
    from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum where d.adrelid >= 16384`;

export const CHECKS = `
  select conrelid, pg_get_expr(conbin, conrelid), conname from pg_constraint where contype = 'c' and conrelid >= 16384`;

export const FOREIGN_KEYS = `
  select confrelid, conrelid, confdeltype in ('c', 'n', 'd'), confupdtype in ('c', 'n', 'd') from pg_constraint where contype = 'f'`;

/** The numbers of their columns. */
export const UNIQUE_KEYS = `
  select i.indrelid, array_to_string((i.indkey::int2[])[0:i.indnkeyatts - 1], ' ')
    from pg_index i where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null and not (0 = any (i.indkey::int2[]))`;

/** Operator families of users behind indexes. */
export const INDEX_FAMILIES = `
  select i.indrelid, o.opcfamily from pg_index i join pg_opclass o on o.oid = any (i.indclass::oid[]) where o.oid >= 16384`;

/** User functions and operators that index, constraint, partition and statistics expressions of a relation depend on. */
export const HIDDEN = `
  with used as (
    select d.classid, d.objid, case d.refclassid when 'pg_proc'::regclass then d.refobjid else o.oprcode::oid end as fn
      from pg_depend d left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
     where d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass) and d.refobjid >= 16384
       and d.classid in ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_statistic_ext'::regclass))
  select coalesce(i.indrelid, k.conrelid, s.stxrelid, u.objid), u.fn
    from used u
    left join pg_index i on u.classid = 'pg_class'::regclass and i.indexrelid = u.objid
    left join pg_constraint k on u.classid = 'pg_constraint'::regclass and k.oid = u.objid
    left join pg_statistic_ext s on u.classid = 'pg_statistic_ext'::regclass and s.oid = u.objid`;

/** Postgres's own are of no interest, but for the one that computes the keys of a deferrable constraint again. */
export const TRIGGERS = `
  select tgrelid, tgfoid, tgtype,
         concat_ws(' ', tgname, tgtype, tgenabled, tgattr, encode(tgargs, 'hex'), tgdeferrable, tginitdeferred, tgoldtable, tgnewtable, tgqual::text),
         tgdeferrable
    from pg_trigger where (not tgisinternal or tgfoid = 'pg_catalog.unique_key_recheck'::regproc) and tgenabled <> 'D'`;

/** What runs beside DDL. Which role the session replicates as is not known: whatever is not disabled may run. */
export const EVENT_TRIGGERS = `
  select oid, evtfoid, evtevent, concat_ws(' ', evtname, evtenabled, evttags::text) from pg_event_trigger where evtenabled <> 'D'`;

export const INHERITS = 'select inhrelid, inhparent from pg_inherits';

/** Name, and whether every role may use it: nobody may use another session's temporary one, and of its own each session would say so. */
export const SCHEMAS = `
  select oid, nspname, nspname !~ '^pg_(toast_)?temp_' and has_schema_privilege('public', oid, 'usage') from pg_namespace`;

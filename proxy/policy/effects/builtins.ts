/**
 * What Postgres's own functions do. Immutable and stable ones are taken as pure unless they are listed; volatile ones are pure
 * only if they are listed. Names are enough: where one name has several forms, the worst counts.
 */
export type BuiltinKind =
  /** Changes nothing. */
  | 'pure'
  /** Changes nothing, but shows what other sessions do or what statistics hold. */
  | 'reveals'
  /** Draws from a sequence: a change that can carry no data. */
  | 'sequence'
  | 'lock'
  | 'set'
  | 'notify'
  /** Ties up a connection. */
  | 'wait'
  /** Files of the server, other servers. */
  | 'outside'
  /** Runs SQL, or a type's input function, named in a string. */
  | 'sql'
  | 'effect';

const words = (text: string) => text.trim().split(/\s+/);

const PURE_VOLATILE = words(`
  random random_normal clock_timestamp current_query timeofday gen_random_uuid uuidv4 uuidv7 currval lastval array_sample array_shuffle
  pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size pg_database_size pg_tablespace_size
  pg_partition_tree pg_partition_ancestors pg_is_in_recovery pg_is_wal_replay_paused pg_get_wal_replay_pause_state
  pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_current_wal_lsn pg_current_wal_insert_lsn
  pg_current_wal_flush_lsn pg_blocking_pids pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked
  pg_jit_available pg_lock_status pg_prepared_xact pg_notification_queue_usage pg_collation_actual_version
  pg_database_collation_actual_version pg_sequence_last_value pg_xact_commit_timestamp pg_xact_commit_timestamp_origin
  pg_last_committed_xact pg_xact_status txid_status pg_get_wait_events pg_get_backend_memory_contexts
  pg_get_shmem_allocations pg_get_wal_resource_managers pg_control_checkpoint pg_control_init pg_control_recovery
  pg_control_system pg_get_multixact_members pg_get_sequence_data pg_stat_have_stats pg_stat_get_io pg_stat_get_backend_io
  pg_stat_get_backend_wal pg_stat_get_recovery_prefetch pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit
  pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time pg_stat_get_xact_function_total_time
  pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched
  pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_newpage_updated
  pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated pg_show_replication_origin_status amvalidate
  pg_replication_origin_session_is_setup pg_replication_origin_progress pg_replication_origin_session_progress`);

const LISTED: readonly (readonly [BuiltinKind, readonly string[]])[] = [
  ['reveals', words('pg_stat_get_activity pg_stat_get_backend_activity pg_mcv_list_items')],
  ['sequence', ['nextval']],
  [
    'lock',
    words(`pg_advisory_lock pg_advisory_lock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
    pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
    pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_unlock_all`),
  ],
  ['set', ['set_config']],
  ['notify', ['pg_notify']],
  ['wait', words('pg_sleep pg_sleep_for pg_sleep_until')],
  [
    'outside',
    words(`pg_read_file pg_read_file_old pg_read_binary_file pg_ls_dir pg_stat_file pg_ls_logdir pg_ls_waldir
    pg_ls_tmpdir pg_ls_archive_statusdir pg_ls_summariesdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir
    pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings lo_import lo_export
    pg_available_wal_summaries pg_wal_summary_contents pg_tablespace_databases pg_rotate_logfile pg_export_snapshot`),
  ],
  [
    'sql',
    words(`query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema table_to_xml
    table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema schema_to_xml_and_xmlschema
    database_to_xml database_to_xmlschema database_to_xml_and_xmlschema ts_stat ts_rewrite domain_in domain_recv array_in
    array_recv record_in record_recv range_in range_recv multirange_in multirange_recv anyrange_in anymultirange_in
    anycompatiblerange_in anycompatiblemultirange_in enum_in plpgsql_validator plpgsql_call_handler plpgsql_inline_handler
    fmgr_sql_validator fmgr_internal_validator fmgr_c_validator currtid2`),
  ],
  /** Stable or immutable by declaration, and yet not without effect: they assign a transaction id. */
  ['effect', words('txid_current pg_current_xact_id setval setseed')],
];

const KINDS = new Map<string, BuiltinKind>([
  ...PURE_VOLATILE.map(name => [name, 'pure'] as const),
  ...LISTED.flatMap(([kind, names]) => names.map(name => [name, kind] as const)),
]);

/** `volatility` is pg_proc.provolatile. `ts_rewrite` has a pure form with three arguments. */
export function builtinKind(name: string, volatility: string, argumentCount: number): BuiltinKind {
  if (name === 'ts_rewrite' && argumentCount === 3) return 'pure';
  const listed = KINDS.get(name);
  if (listed !== undefined) return listed;
  if (/^(lo_|pg_ls_|pg_read_|dblink|binary_upgrade_)/.test(name)) return 'effect';
  return volatility === 'i' || volatility === 's' ? 'pure' : 'effect';
}

/** Extensions whose immutable and stable C functions compute and nothing else. Everything else written in C cannot be told. */
export const COMPUTING_EXTENSIONS: ReadonlySet<string> = new Set([
  'btree_gin',
  'btree_gist',
  'citext',
  'cube',
  'earthdistance',
  'fuzzystrmatch',
  'hstore',
  'intarray',
  'isn',
  'ltree',
  'pg_stat_statements',
  'pg_trgm',
  'pgcrypto',
  'postgis',
  'seg',
  'unaccent',
  'uuid-ossp',
  'vector',
]);

/** Volatile functions of those extensions that only draw randomness. */
export const COMPUTING_VOLATILE: ReadonlySet<string> = new Set([
  'pg_stat_statements',
  'pg_stat_statements_info',
  'gen_salt',
  'gen_random_bytes',
  'gen_random_uuid',
  'uuid_generate_v1',
  'uuid_generate_v1mc',
  'uuid_generate_v4',
  'pgp_sym_encrypt',
  'pgp_sym_encrypt_bytea',
  'pgp_pub_encrypt',
  'pgp_pub_encrypt_bytea',
]);

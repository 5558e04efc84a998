import type { CommandClass } from '#schemas/effects.ts';

export interface UtilityClass {
  readonly commands: readonly CommandClass[];
  /** Reaches the server's files or another server. */
  readonly outside?: boolean;
  /** Later statements of the same text may mean something else. */
  readonly changesMeaning?: boolean;
}

const DDL: UtilityClass = { commands: ['ddl'], changesMeaning: true };
const PRIVILEGE: UtilityClass = { commands: ['privilege'], changesMeaning: true };
const BOTH: UtilityClass = { commands: ['ddl', 'privilege'], changesMeaning: true };
const OUTSIDE: UtilityClass = { commands: ['ddl'], outside: true, changesMeaning: true };
const MAINTENANCE: UtilityClass = { commands: ['maintenance'] };

/** Utility statements that need no look inside to be classed. */
export const UTILITY: ReadonlyMap<string, UtilityClass> = new Map<string, UtilityClass>([
  ...`AlterTableStmt AlterCollationStmt AlterDomainStmt CreateStmt CreateSchemaStmt CreatePLangStmt CreateSeqStmt AlterSeqStmt
    DefineStmt CreateDomainStmt CreateOpClassStmt CreateOpFamilyStmt AlterOpFamilyStmt DropStmt CommentStmt IndexStmt
    CreateStatsStmt AlterStatsStmt CreateFunctionStmt AlterFunctionStmt RenameStmt AlterObjectDependsStmt AlterObjectSchemaStmt
    AlterOperatorStmt AlterTypeStmt RuleStmt CompositeTypeStmt CreateEnumStmt CreateRangeStmt AlterEnumStmt ViewStmt CreatedbStmt
    AlterDatabaseStmt AlterDatabaseRefreshCollStmt AlterDatabaseSetStmt DropdbStmt CreateConversionStmt CreateCastStmt
    CreateTransformStmt AlterTSDictionaryStmt AlterTSConfigurationStmt CreateTrigStmt CreateEventTrigStmt AlterEventTrigStmt
    CreateAmStmt CreateTableAsStmt AlterTableMoveAllStmt AlterTableSpaceOptionsStmt DropTableSpaceStmt CreateExtensionStmt
    AlterExtensionStmt AlterExtensionContentsStmt CreatePublicationStmt AlterPublicationStmt`
    .split(/\s+/)
    .map(tag => [tag, DDL] as const),
  ...`GrantStmt GrantRoleStmt AlterDefaultPrivilegesStmt CreateRoleStmt AlterRoleStmt AlterRoleSetStmt DropRoleStmt
    ReassignOwnedStmt AlterSystemStmt SecLabelStmt CreateUserMappingStmt AlterUserMappingStmt DropUserMappingStmt`
    .split(/\s+/)
    .map(tag => [tag, PRIVILEGE] as const),
  ...'AlterOwnerStmt CreatePolicyStmt AlterPolicyStmt DropOwnedStmt'
    .split(' ')
    .map(tag => [tag, BOTH] as const),
  ...`CreateTableSpaceStmt CreateFdwStmt AlterFdwStmt CreateForeignServerStmt AlterForeignServerStmt CreateForeignTableStmt
    ImportForeignSchemaStmt CreateSubscriptionStmt AlterSubscriptionStmt DropSubscriptionStmt`
    .split(/\s+/)
    .map(tag => [tag, OUTSIDE] as const),
  ...'VacuumStmt ClusterStmt ReindexStmt CheckPointStmt'.split(' ').map(tag => [tag, MAINTENANCE] as const),
  ['RefreshMatViewStmt', { commands: ['maintenance'] }],
  ['LoadStmt', { commands: ['maintenance'], outside: true, changesMeaning: true }],
  ['LockStmt', { commands: ['lock'] }],
  ['ListenStmt', { commands: ['listen'] }],
  ['UnlistenStmt', { commands: ['listen'] }],
  ['NotifyStmt', { commands: ['notify'] }],
  ['ConstraintsSetStmt', { commands: ['transaction'] }],
]);

import type { CommandClass } from '#schemas/effects.ts';

export interface UtilityClass {
  readonly commands: readonly CommandClass[];
  /** Reaches the server's files or another server. */
  readonly outside?: boolean;
  /** Says where data comes from, or goes to, that nobody can see in it: also the target's own, round by the door. */
  readonly leadsIn?: boolean;
  /** Later statements of the same text may mean something else. */
  readonly changesMeaning?: boolean;
}

const DDL: UtilityClass = { commands: ['ddl'], changesMeaning: true };
const PRIVILEGE: UtilityClass = { commands: ['privilege'], changesMeaning: true };
const BOTH: UtilityClass = { commands: ['ddl', 'privilege'], changesMeaning: true };
const OUTSIDE: UtilityClass = { commands: ['ddl'], outside: true, changesMeaning: true };
const LEADING: UtilityClass = { ...OUTSIDE, leadsIn: true };
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
    AlterExtensionStmt AlterExtensionContentsStmt`
    .split(/\s+/)
    .map(tag => [tag, DDL] as const),
  ...'CreatePublicationStmt AlterPublicationStmt'
    .split(' ')
    .map(tag => [tag, { ...DDL, leadsIn: true }] as const),
  ...'CreateUserMappingStmt AlterUserMappingStmt'
    .split(' ')
    .map(tag => [tag, { ...PRIVILEGE, leadsIn: true }] as const),
  ...`GrantStmt GrantRoleStmt AlterDefaultPrivilegesStmt CreateRoleStmt AlterRoleStmt AlterRoleSetStmt DropRoleStmt
    ReassignOwnedStmt AlterSystemStmt SecLabelStmt DropUserMappingStmt`
    .split(/\s+/)
    .map(tag => [tag, PRIVILEGE] as const),
  ...'AlterOwnerStmt CreatePolicyStmt AlterPolicyStmt DropOwnedStmt'
    .split(' ')
    .map(tag => [tag, BOTH] as const),
  ...`CreateFdwStmt AlterFdwStmt CreateForeignServerStmt AlterForeignServerStmt CreateForeignTableStmt ImportForeignSchemaStmt
    CreateSubscriptionStmt AlterSubscriptionStmt`
    .split(/\s+/)
    .map(tag => [tag, LEADING] as const),
  ...'CreateTableSpaceStmt DropSubscriptionStmt'.split(' ').map(tag => [tag, OUTSIDE] as const),
  ...'VacuumStmt ClusterStmt ReindexStmt CheckPointStmt'.split(' ').map(tag => [tag, MAINTENANCE] as const),
  ['RefreshMatViewStmt', { commands: ['maintenance'] }],
  ['LoadStmt', { commands: ['maintenance'], outside: true, changesMeaning: true }],
  ['LockStmt', { commands: ['lock'] }],
  ['ListenStmt', { commands: ['listen'] }],
  ['UnlistenStmt', { commands: ['listen'] }],
  ['NotifyStmt', { commands: ['notify'] }],
  ['ConstraintsSetStmt', { commands: ['transaction'] }],
]);

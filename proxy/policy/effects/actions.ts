import type { SessionAction, StatementAnalysis } from '#schemas/analysis.ts';
import type { Facts } from './facts.ts';
import { constant, is, list, node, type Tree, text, tree } from './tree.ts';

/**
 * What a statement does to the proxy's picture of the session. `nested` analyses the body of PREPARE, which has `parameters` of its own, and
 * that of DECLARE on its own.
 */
export function actionsOf(
  statement: unknown,
  facts: Facts,
  nested: (body: unknown, parameters: unknown) => StatementAnalysis,
): SessionAction[] {
  const { tag, body } = node(statement) ?? { tag: '', body: {} as Tree };
  const settings = [...facts.settings].map(setting => ({ kind: 'set', setting }) as const);
  switch (tag) {
    case 'TransactionStmt':
      return transaction(body);
    case 'PrepareStmt':
      return [{ kind: 'prepare', name: text(body.name), body: nested(body.query, body.argtypes) }];
    case 'DeclareCursorStmt':
      return [{ kind: 'declare', name: text(body.portalname), body: nested(body.query, null) }];
    case 'DeallocateStmt':
      return [{ kind: 'deallocate', name: text(body.name) || null }];
    case 'ClosePortalStmt':
      return [{ kind: 'close', name: text(body.portalname) || null }];
    case 'DiscardStmt':
      return body.target === 'DISCARD_ALL' ? [{ kind: 'discard' }] : [];
    default:
      return settings;
  }
}

function transaction(body: Tree): SessionAction[] {
  const name = text(body.savepoint_name);
  const next: SessionAction[] = body.chain === true ? [{ kind: 'begin', readOnly: null }] : [];
  switch (body.kind) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return [{ kind: 'begin', readOnly: readOnlyMode(body) }];
    case 'TRANS_STMT_COMMIT':
      return [{ kind: 'commit' }, ...next];
    case 'TRANS_STMT_PREPARE':
      return [{ kind: 'commit', prepared: text(body.gid) }];
    case 'TRANS_STMT_ROLLBACK':
      return [{ kind: 'rollback' }, ...next];
    case 'TRANS_STMT_SAVEPOINT':
      return [{ kind: 'savepoint', name }];
    case 'TRANS_STMT_RELEASE':
      return [{ kind: 'release', name }];
    case 'TRANS_STMT_ROLLBACK_TO':
      return [{ kind: 'rollback-to', name }];
    default:
      return [];
  }
}

/** The last mode given counts, as in Postgres. */
function readOnlyMode(body: Tree): boolean | null {
  let found: boolean | null = null;
  for (const item of list(body.options)) {
    const option = tree(is(item, 'DefElem') ?? {});
    if (option.defname === 'transaction_read_only') found = constant(option.arg) === '1';
  }
  return found;
}

/** Statements that refuse to run in a transaction block, or that end more than one (the manual's pages of each). */
export function ownsTransaction(statement: unknown, facts: Facts): boolean {
  const { tag, body } = node(statement) ?? { tag: '', body: {} as Tree };
  if (facts.endsTransaction) return true;
  switch (tag) {
    case 'VacuumStmt':
      return body.is_vacuumcmd === true;
    case 'CreatedbStmt':
    case 'DropdbStmt':
    case 'CreateTableSpaceStmt':
    case 'DropTableSpaceStmt':
    case 'AlterSystemStmt':
    case 'CreateSubscriptionStmt':
    case 'AlterSubscriptionStmt':
    case 'DropSubscriptionStmt':
    case 'AlterDatabaseStmt':
      return true;
    case 'ClusterStmt':
      return true;
    case 'ReindexStmt':
      return body.kind !== 'REINDEX_OBJECT_INDEX' && body.kind !== 'REINDEX_OBJECT_TABLE'
        ? true
        : concurrent(body.params);
    case 'IndexStmt':
    case 'DropStmt':
      return body.concurrent === true;
    case 'AlterTableStmt':
      return JSON.stringify(body).includes('"concurrent":true');
    case 'DiscardStmt':
      return body.target === 'DISCARD_ALL';
    case 'TransactionStmt':
      return body.kind === 'TRANS_STMT_COMMIT_PREPARED' || body.kind === 'TRANS_STMT_ROLLBACK_PREPARED';
    case 'CallStmt':
    case 'DoStmt':
      return facts.unknown.size > 0;
    default:
      return false;
  }
}

function concurrent(params: unknown): boolean {
  return list(params).some(item => tree(is(item, 'DefElem') ?? {}).defname === 'concurrently');
}

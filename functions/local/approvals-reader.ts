import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Approval } from '#schemas/approval.ts';
import { readApproval, readApprovals } from './approvals-table.ts';

/** Reads the approvals file without changing it, whether or not its process runs. */
export interface ApprovalsReader {
  list(options: { all: boolean }): Approval[];
  get(id: string): Approval | null;
  close(): void;
}

/** Null when there is no such file; throws an Error when it cannot be opened. */
export function openApprovalsReader(path: string): ApprovalsReader | null {
  if (!existsSync(path)) return null;
  const db = new DatabaseSync(path, { readOnly: true, timeout: 2000 });
  return {
    list: ({ all }) => readApprovals(db, all ? {} : { states: ['held'] }),
    get: id => readApproval(db, id),
    close: () => db.close(),
  };
}

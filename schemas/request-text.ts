import type { Approval } from './approval.ts';
import { canonical, type Json } from './canonical-json.ts';

/** What `requestDigest` is the hash of. Apart from it, because a browser has a hash of its own. */
export function requestText(approval: Approval): string {
  const { state: _s, outcome: _o, decisions: _d, ...request } = approval;
  return canonical({ holdpoint: 'request/v1', ...request } as Json);
}

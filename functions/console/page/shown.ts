import type { Approval } from '#schemas/approval.ts';
import { requestText } from '#schemas/request-text.ts';

/** `requestDigest` of exactly what this page has and shows: with it, nothing else can be decided. */
export async function shownDigest(approval: Approval): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(requestText(approval)));
  return Array.from(new Uint8Array(hash), byte => byte.toString(16).padStart(2, '0')).join('');
}

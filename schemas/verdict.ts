import type { Requirement } from './approval.ts';

/**
 * What the policy says of one message. There is no fourth kind, and nothing stands for "no verdict": a function that cannot
 * tell returns `deny`.
 */
export type Verdict =
  | { readonly kind: 'allow'; readonly rule: string }
  | {
      readonly kind: 'hold';
      readonly rule: string;
      readonly message: string;
      readonly requirements: readonly Requirement[];
    }
  | { readonly kind: 'deny'; readonly rule: string; readonly message: string };

/** The rule name of a refusal that no policy can lift: the proxy itself cannot be sure. */
export const INVARIANT = 'invariant';
/** The rule name where no rule matched. */
export const DEFAULT_DENY = 'default';

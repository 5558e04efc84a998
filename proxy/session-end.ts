import { HoldpointError } from '#schemas/errors.ts';
import type { Session } from './session/session.ts';

/** Told this long before a session is cut. */
const WARN_MS = 60_000;

/** Ends a session in so many milliseconds, and announces it before. Returns what calls that off. */
export function endAt(session: Pick<Session, 'notice' | 'end'>, ms: number): () => void {
  const left = Math.max(0, ms);
  const warning = `this session ends in ${Math.round(Math.min(left, WARN_MS) / 1000)} seconds`;
  const warn = setTimeout(() => session.notice(warning), Math.max(0, left - WARN_MS));
  const end = setTimeout(() => session.end(new HoldpointError('session_over')), left);
  return () => {
    clearTimeout(warn);
    clearTimeout(end);
  };
}

import type { Approval } from '#schemas/approval.ts';
import { HoldpointError } from '#schemas/errors.ts';
import type { Access, Policy } from '#schemas/policy.ts';
import { type Admitted, admit } from './admission.ts';
import { Entry } from './entry.ts';
import { WELCOME } from './greeting.ts';
import type { Holds } from './hold/hold.ts';
import { type Approved, type Opening, openBody } from './opening.ts';
import type { Clock, Recorder } from './ports.ts';
import { HoldNotice } from './session/hold-notice.ts';

/**
 * A session that people have to approve before it is opened: asks them, or uses what they have approved, and then calls `start`. The agent
 * that waits gets notices, and leaving withdraws what it has asked for. Rejects with HoldpointError.
 */
export async function enterByApproval(
  opening: Opening,
  approval: NonNullable<Access['approval']>,
  options: {
    readonly policy: Policy;
    readonly recorder: Recorder;
    readonly holds: Holds;
    readonly clock: Clock;
    readonly approveAt: (id: string) => string;
  },
  start: (seat: Admitted, approved: Approved) => Promise<void>,
): Promise<void> {
  const { asked, newcomer, seat } = opening;
  const { policy, clock, approveAt } = options;
  const { socket } = newcomer.entrance;
  const notice = new HoldNotice(
    bytes => void socket.write(bytes),
    approveAt,
    text => text,
  );
  const request = {
    session: opening.id,
    seat,
    approval,
    policyVersion: policy.policyVersion,
    open: openBody(opening, policy.policyVersion, ''),
    signal: newcomer.signal,
    waiting: (held: Approval) => {
      newcomer.patience(true);
      // libpq takes notices only behind it.
      socket.write(WELCOME);
      newcomer.welcomed = true;
      notice.begin(held, approval.message);
    },
  };
  const entry = new Entry(request, { ...options, now: () => performance.now() });
  socket.once('end', newcomer.gone);
  try {
    const grant = await entry.ask().finally(() => notice.end());
    newcomer.patience(false);
    const now = clock();
    // It may have been a long wait: the access window is looked at again.
    const fresh = admit(policy, seat.principal, asked, now);
    if (fresh.access !== seat.access || grant.ends <= now) throw new HoldpointError('access_denied');
    await start({ ...fresh, ends: Math.min(fresh.ends, grant.ends) }, { entry, grant });
  } catch (error) {
    entry.failed(error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    socket.off('end', newcomer.gone);
  }
}

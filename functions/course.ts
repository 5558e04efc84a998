import type { Approval } from '#schemas/approval.ts';
import { approvedBy, type HoldEvent, IllegalMove, transition } from '#schemas/hold.ts';
import { dueEvent, isGuess } from './due-event.ts';
import type { Course, Execution } from './ports.ts';

/**
 * What is told of an approval comes at least once and in any order: from its proxy, from the audit events, and from the clock, which can only
 * guess. Whatever the order, the same is shown in the end: how it ended at the server, if it did; else what its proxy says; else the guess.
 */
export const courses = {
  /** Its proxy says that it is over; of a statement that has run it cannot mean that nothing did. */
  ended(course: Course, event: Extract<HoldEvent, { kind: 'expire' | 'withdraw' }>): Course {
    if (course.execution !== null) return course;
    return moved(course, present =>
      // Approved at the last moment, and its proxy did not see it in time: what waited has been refused.
      event.kind === 'expire' && present.state === 'approved' && present.releases === 'parked'
        ? { kind: 'withdraw', why: `it could not be used before ${present.deadline}` }
        : event,
    );
  },

  /** It was about to be sent. */
  forwarded(course: Course): Course {
    return course.approval.releases === 'session' ? course : moved(course, () => ({ kind: 'execute' }));
  },

  /** The server's answer, or that there was none: a fact, whatever else was said. */
  ran(course: Course, execution: Execution): Course {
    if (course.approval.releases === 'session') return course;
    // Told twice, it is the same; where the connection was lost, somebody may know better.
    if (course.execution !== null && (course.execution.status !== 'lost' || execution.status === 'lost'))
      return course;
    return { approval: transition(course.approval, { kind: 'ran' }), execution };
  },

  due(course: Course, now: number): Course {
    const event = dueEvent(course.approval, now);
    return event === null ? course : { ...course, approval: transition(course.approval, event) };
  },
};

/** An event that comes a second time, or too late, changes nothing. What the clock has guessed gives way to what somebody knows. */
function moved(course: Course, event: (present: Approval) => HoldEvent): Course {
  const present = isGuess(course.approval)
    ? { ...course.approval, state: 'approved' as const, outcome: approvedBy(course.approval) }
    : course.approval;
  try {
    return { ...course, approval: transition(present, event(present)) };
  } catch (error) {
    if (error instanceof IllegalMove) return course;
    throw error;
  }
}

import type { Core } from './core.ts';
import {
  type Waiter,
  whenAnswered,
  whenApart,
  whenConfirmed,
  whenNamed,
  whenReplanned,
  whenSought,
  whenSwitched,
  whenTried,
} from './judgeable.ts';
import type { SessionParts } from './parts.ts';
import { type Submitter, submit, waitsToGoOn } from './submission.ts';

type Ways =
  | 'whenSwitched'
  | 'whenApart'
  | 'whenReplanned'
  | 'whenNamed'
  | 'whenConfirmed'
  | 'whenSought'
  | 'whenAnswered'
  | 'whenTried'
  | 'waitsToGoOn'
  | 'submit';

/** All that an agent's message may have to wait for before it goes on. `session`: asked for when it is needed, as it is made behind this. */
export function waysToWait(
  session: () => Submitter & Waiter,
  catalog: SessionParts['catalog'],
): Pick<Core, Ways> {
  return {
    whenSwitched: then => whenSwitched(session(), then),
    whenApart: then => whenApart(session(), then),
    whenReplanned: then => whenReplanned(session(), then),
    whenNamed: then => whenNamed(session(), then),
    whenConfirmed: then => whenConfirmed(session(), catalog, then),
    whenSought: (...what) => whenSought(session(), ...what),
    whenAnswered: then => whenAnswered(session(), then),
    whenTried: (...what) => whenTried(session(), ...what),
    waitsToGoOn: (run, again) => waitsToGoOn(session(), run, again),
    submit: work => submit(session(), work),
  };
}

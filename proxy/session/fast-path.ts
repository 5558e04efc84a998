import { decodeFunctionCall } from '../wire/frontend.ts';
import { parametersOf, textsOf } from './binds.ts';
import { belongsApart, type Core, endsSegment, mayMissItsWitness, secondWitness } from './core.ts';
import { sooner, soonerInCall } from './sooner.ts';

/**
 * A fast-path call: one function by its OID, and its values in the same message. Answered like a simple Query, with one value in place of
 * rows, and judged as the SELECT that says the same. Source: manual 54.2.7 "Function Call".
 */
export function functionCall(core: Core, buffer: Buffer, start: number, end: number): void {
  const message = sooner(
    () => decodeFunctionCall(buffer, start, end),
    () => soonerInCall(core, buffer, start, end),
  );
  const call = core.judge.call(message.oid);
  const { inputs, result } = call;
  const bound = core.judge.bound(call.judged, () => textsOf(message, core.encoding));
  const judged = endsSegment(core) ? core.judge.ending(bound) : bound;
  if (mayMissItsWitness(core, judged)) {
    core.whenSwitched(() => functionCall(core, buffer, start, end));
    return;
  }
  if (core.plans.outdated(core, judged.statements)) {
    const again = () => functionCall(core, buffer, start, end);
    if (belongsApart(core)) core.whenApart(again);
    else core.whenReplanned(again);
    return;
  }
  const parameters = parametersOf(message, inputs, core.encoding);
  const run = core.run(judged.statements);
  core.submit({
    run,
    judged,
    protocol: 'function',
    parameters,
    resultFormats: [message.resultFormat],
    forward: () => {
      if (core.status === 'I' && !core.segment) core.line.switchMode(secondWitness(judged));
      const plan = core.answers.shield.planCall(result, message.resultFormat, run);
      core.line.send(buffer.subarray(start, end), { kind: 'function', run, plan });
      core.wait('ready');
    },
    refuse: error => core.refuseSimple(error),
    again: () => functionCall(core, buffer, start, end),
  });
}

import type { Approval } from '#schemas/approval.ts';
import type { AuditBody } from '#schemas/audit.ts';
import type { Parameter } from '#schemas/statement.ts';
import type { Verdict } from '#schemas/verdict.ts';
import type { Checked } from './hold/standing.ts';
import type { Recorder } from './ports.ts';
import type { Judged } from './session/judgement.ts';
import type { Run } from './session/run.ts';

/** What the record of a session says of one statement, up to its forwarding. Each gives the ticket of its event, or throws where the ledger cannot take it. */
export class StatementEvents {
  private readonly recorder: Pick<Recorder, 'append'>;
  private readonly session: string;

  constructor({
    recorder,
    session,
  }: {
    readonly recorder: Pick<Recorder, 'append'>;
    readonly session: string;
  }) {
    this.recorder = recorder;
    this.session = session;
  }

  /** What was asked for, and the verdict. */
  asked(
    run: Run,
    judged: Judged,
    how: {
      readonly protocol: AuditBody<'statement'>['protocol'];
      readonly parameters: readonly Parameter[];
    },
    verdict: Verdict,
  ): number {
    // The effects of an allowed text stand with its first statement of the session; a held or refused one always says why.
    const known = verdict.kind === 'allow' && judged.recorded;
    judged.recorded = true;
    return this.recorder.append(this.session, 'statement', {
      digest: '',
      effects: known ? [] : judged.statements.map(s => s.effects),
      message: verdict.kind === 'allow' ? '' : verdict.message,
      n: run.n,
      parameters: how.parameters as Parameter[],
      protocol: how.protocol,
      rule: verdict.rule,
      text: judged.text,
      verdict: verdict.kind,
    });
  }

  held({ n }: Run, approval: Approval): number {
    const { id, deadline, digest, releases, requirements, statement } = approval;
    return this.recorder.append(this.session, 'hold', {
      approval: id,
      deadline,
      digest,
      n,
      ...(releases === 'parked' ? {} : { releases }),
      requirements: [...requirements],
      rules: requirements.map(r => r.rule),
      statement,
    });
  }

  decided({ n }: Run, { id }: Approval, { signed, verified }: Checked): number {
    return this.recorder.append(this.session, 'decision', { approval: id, n, signed, verified });
  }

  holdEnded(
    { n }: Run,
    { id }: Approval,
    { state, why }: Pick<AuditBody<'hold.end'>, 'state' | 'why'>,
  ): number {
    return this.recorder.append(this.session, 'hold.end', { approval: id, n, state, why });
  }
}

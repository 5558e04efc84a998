import type { Approval } from '#schemas/approval.ts';
import { encodeNotice } from '../wire/backend.ts';

const KEEP_ALIVE_MS = 30_000;

/** What an agent is told while its statement is parked: at once, and then every half minute, so that nothing in between gives up. */
export class HoldNotice {
  private readonly write: (notice: Buffer) => void;
  private readonly approveAt: (id: string) => string;
  private readonly say: (text: string) => string;
  private timer: NodeJS.Timeout | undefined;

  /** `say` makes of a text what the agent can read. */
  constructor(
    write: (notice: Buffer) => void,
    approveAt: (id: string) => string,
    say: (text: string) => string,
  ) {
    this.say = say;
    this.write = write;
    this.approveAt = approveAt;
  }

  begin({ id, deadline, requirements }: Approval, message: string): void {
    const rules = requirements.map(r => r.rule).join(', ');
    const approvers = [...new Set(requirements.flatMap(r => r.approvers))].join(', ');
    this.write(
      encodeNotice(
        `held for approval ${id}: ${message}`,
        {
          detail: `rule: ${rules}; approvers: ${approvers}; deadline: ${deadline}`,
          hint: `${this.approveAt(id)} (disconnecting withdraws it)`,
        },
        this.say,
      ),
    );
    const still = encodeNotice(`still held for approval ${id}, until ${deadline}`);
    this.timer = setInterval(() => this.write(still), KEEP_ALIVE_MS);
  }

  end(): void {
    clearInterval(this.timer);
  }
}

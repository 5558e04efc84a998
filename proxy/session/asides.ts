import type { AnswersOwner } from './answers-owner.ts';
import type { Op } from './op.ts';
import type { Passage } from './passage.ts';
import { redactedNotice, redactedNotification, type Shield } from './shield.ts';

/** What the server says beside its answers: notices, which belong to what it is doing, and notifications, which belong to nothing. */
export class Asides {
  private readonly passage: Passage;
  private readonly shield: Shield;
  private readonly owner: Pick<AnswersOwner, 'protects'>;

  constructor(passage: Passage, shield: Shield, owner: Pick<AnswersOwner, 'protects'>) {
    this.passage = passage;
    this.shield = shield;
    this.owner = owner;
  }

  notice(op: Op | undefined, buffer: Buffer, start: number, end: number): void {
    if (op?.kind === 'own') {
      // Where all goes well, the server says it again when it runs the text.
      op.notices?.push(Buffer.from(buffer.subarray(start, end)));
      return;
    }
    if (op?.kind === 'poison') return;
    if (!this.shield.inScope(op)) this.passage.pass(buffer, start, end);
    else if (this.shield.firstNotice(op)) this.passage.make(redactedNotice(buffer, start, end));
  }

  /** Those of a text that the server has refused now. */
  noted(op: Op & { kind: 'own' }): void {
    for (const bytes of op.notices ?? [])
      if (!this.shield.inScope(op)) this.passage.make(bytes);
      else if (this.shield.firstNotice(op)) this.passage.make(redactedNotice(bytes, 0, bytes.length));
  }

  notification(buffer: Buffer, start: number, end: number): void {
    if (!this.owner.protects()) {
      this.passage.pass(buffer, start, end);
      return;
    }
    this.passage.make(redactedNotification(buffer, start, end));
  }
}

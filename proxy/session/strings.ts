import type { StatementAnalysis, Strings } from '#schemas/analysis.ts';

export const STRINGS = 'standard_conforming_strings';

/** How the server reads the strings of the agent's texts, as the server itself said last. */
export class StringReading {
  private reported = true;
  private standard = true;
  /** Once the setting was off, or may have been, bodies that were read then stay as they were read: for the rest of the session. */
  private doubtful = false;

  /** The server reports a setting. */
  report(name: string, value: string): void {
    if (name !== STRINGS) return;
    this.reported = value === 'on';
    this.is(this.reported);
  }

  /** Asked for inside a pipeline, where the server reports nothing. An error may take it back, of which it reports nothing either. */
  learn(value: string): void {
    this.is(value === 'on');
  }

  /** The server is ready, and has reported before whatever differs from what it reported last. */
  ready(): void {
    if (this.standard !== this.reported) this.is(this.reported);
  }

  /** These are about to run, and may change it, if only for a while. */
  expect(statements: readonly StatementAnalysis[]): void {
    if (statements.some(s => s.otherStrings === true)) this.doubtful = true;
  }

  get now(): Strings {
    if (!this.standard) return 'escapes';
    return this.doubtful ? 'doubtful' : 'standard';
  }

  private is(standard: boolean): void {
    this.standard = standard;
    if (!standard) this.doubtful = true;
  }
}

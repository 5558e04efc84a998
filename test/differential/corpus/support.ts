import { type BindOptions, bind, execute, parse, sync } from '#test/support/raw.ts';
import { type Script, type Step, step } from '../script.ts';

export * from '#test/support/raw/messages.ts';
export type { Script, Step } from '../script.ts';
export { step } from '../script.ts';

/** A script of one name; a list of messages is a step that waits for its ReadyForQuerys. */
export function script(name: string, ...steps: readonly (Step | readonly Buffer[])[]): Script {
  return { name, steps: steps.map(one => (isStep(one) ? one : step(one))) };
}

function isStep(one: Step | readonly Buffer[]): one is Step {
  return !Array.isArray(one);
}

/** Parse, Bind and Execute of the unnamed statement. */
export function run(
  sql: string,
  options: Omit<BindOptions, 'portal' | 'statement'> & { types?: number[]; rows?: number } = {},
): Buffer[] {
  const { types, rows, ...binds } = options;
  return [parse({ sql, ...(types === undefined ? {} : { types }) }), bind(binds), execute('', rows ?? 0)];
}

/** The same up to its Sync. */
export function runSync(...all: Parameters<typeof run>): Buffer[] {
  return [...run(...all), sync()];
}

/** For servers from this major version on. */
export function since(major: number, one: Script): Script {
  return { ...one, since: major };
}

/** Much data: with the newest server alone. */
export function heavy(one: Script): Script {
  return { ...one, heavy: true };
}

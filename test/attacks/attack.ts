import * as raw from '#test/support/raw.ts';
import type { Attacker, Field } from './field.ts';

/** One attack: what it tries, and how. Whether it got through is seen in the database and in the bytes, never in what `run` thinks. */
export interface Attack {
  readonly name: string;
  run(me: Attacker, field: Field): Promise<void>;
  /** Whose session `me` is; default the agent's. */
  readonly as?: 'agent' | 'reader' | 'holder';
  /** Start-up parameters of it. */
  readonly parameters?: Record<string, string>;
}

export interface AttackClass {
  readonly title: string;
  readonly attacks: readonly Attack[];
}

/** An attack that is one conversation: each list is sent in one write, and answered before the next. */
export function talk(
  name: string,
  turns: readonly (string | Buffer | readonly (string | Buffer)[])[],
  more: Omit<Attack, 'name' | 'run'> = {},
): Attack {
  return {
    name,
    ...more,
    async run(me) {
      for (const turn of turns) {
        const said = await me.say(...(Array.isArray(turn) ? turn : [turn as string | Buffer]));
        if (process.env.ATTACK_TALK !== undefined) console.log(`   ${name}: ${said}`);
      }
    },
  };
}

/** Parse, Bind and Execute of one text, unnamed. */
export function run(sql: string): Buffer {
  return Buffer.concat([raw.parse({ sql }), raw.bind(), raw.execute()]);
}

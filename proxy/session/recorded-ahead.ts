import { HoldpointError } from '#schemas/errors.ts';
import type { Parameter } from '#schemas/statement.ts';
import type { Submission } from '../pipeline.ts';
import { decodeBind, decodeParse, FRONTEND } from '../wire/frontend.ts';
import { parametersOf } from './binds.ts';
import type { Core } from './core.ts';
import type { Judged } from './judgement.ts';
import { keyOf } from './names.ts';
import type { Run } from './run.ts';
import { UNREADABLE } from './segment.ts';

/** Statements whose intents go to the ledger together: two events each, of those that one agent may have waiting (pace.ts). */
const MOST = 200;

/** What is asked for behind a write that waits for the ledger, and stands in the record already. */
interface Intent {
  readonly run: Run;
  readonly judged: Judged;
  readonly inBlock: boolean;
  readonly protocol: Submission['protocol'];
  readonly parameters: readonly Parameter[];
  /** What has to be durable before it may be forwarded. */
  readonly ticket: number;
}

interface Parsed {
  readonly judged: Judged;
  readonly types: readonly number[];
}

/**
 * The intents of a pipeline of writes. Each of them is forwarded when its own is durable and not before, which in a batch of a thousand would
 * be a thousand waits for the disk, one after the other; so while the first one waits, those that have come in behind it are recorded too,
 * and share its write. It is the record alone that goes ahead: each message is judged, and may be refused, when its turn comes, and an
 * intent that is not what is asked for then has come to nothing, which its outcome says.
 */
export class RecordedAhead {
  private intents: Intent[] = [];
  private next = 0;
  /** Its statement will not run. */
  private readonly dropped: (run: Run) => void;
  private readonly judged: (run: Run) => void;

  /** `judged`: told of each that has been judged once more, and is what it was. */
  constructor(dropped: (run: Run) => void, judged: (run: Run) => void) {
    this.dropped = dropped;
    this.judged = judged;
  }

  /** The intent of this message, if it is the next of those that are recorded. */
  take(
    judged: Judged,
    inBlock: boolean,
    protocol: Submission['protocol'],
    parameters: readonly Parameter[],
  ): Pick<Intent, 'run' | 'ticket'> | null {
    const intent = this.intents[this.next];
    if (intent === undefined) return null;
    const same =
      intent.judged === judged &&
      intent.inBlock === inBlock &&
      intent.protocol === protocol &&
      sameValues(intent.parameters, parameters);
    if (!same) {
      // A read goes without waiting, so that none is recorded ahead.
      if (!judged.reads) this.drop();
      return null;
    }
    this.next += 1;
    this.judged(intent.run);
    return intent;
  }

  /** None of them will be asked for any more. */
  drop(): void {
    const { intents, next } = this;
    if (intents.length === 0) return;
    this.intents = [];
    this.next = 0;
    for (const { run } of intents.slice(next)) this.dropped(run);
  }

  /**
   * A write waits for the ledger: records what has come in behind it, up to the end of its segment. `waiting` is a statement that it parses.
   */
  fill(core: Core, waiting?: Parsed & { readonly name: string }): void {
    if (this.next < this.intents.length) return;
    this.intents = [];
    this.next = 0;
    try {
      this.look(core, waiting);
    } catch (error) {
      // It will be refused in its turn, and all that is behind it skipped.
      if (!(error instanceof HoldpointError) || !UNREADABLE.has(error.code)) throw error;
    }
  }

  private look(core: Core, waiting: (Parsed & { readonly name: string }) | undefined): void {
    const { encoding, inBlock } = core;
    const parsed = new Map<string, Parsed>();
    if (waiting !== undefined) parsed.set(keyOf(waiting.name), waiting);
    const add = (judged: Judged, protocol: 'parse' | 'bind', parameters: readonly Parameter[]) => {
      if (judged.reads) return true;
      const run = core.run(judged.statements);
      const ticket = core.pipeline.intend(run, judged, { protocol, parameters, inBlock });
      if (ticket === null) return false;
      return this.intents.push({ run, judged, inBlock, protocol, parameters, ticket }) < MOST;
    };
    core.frames.ahead((type, buffer, start, end) => {
      switch (type) {
        case FRONTEND.parse: {
          const { name, text, types } = decodeParse(buffer, start, end, encoding.text);
          const judged = core.judgedText(text, types);
          if (judged === null || !isPlain(judged)) return false;
          parsed.set(keyOf(name), { judged, types });
          return add(judged, 'parse', []);
        }
        case FRONTEND.bind: {
          const message = decodeBind(buffer, start, end, encoding.text);
          const known = parsed.get(keyOf(message.statement)) ?? preparedBefore(core, message.statement);
          if (known === null || !isPlain(known.judged)) return false;
          return add(known.judged, 'bind', parametersOf(message, known.types, encoding));
        }
        case FRONTEND.describe:
        case FRONTEND.execute:
        case FRONTEND.flush:
          return true;
        default:
          return false;
      }
    });
  }
}

function preparedBefore(core: Core, name: string): Parsed | null {
  const prepared = core.picture.statements.get(name);
  if (prepared === undefined || prepared.text === null) return null;
  return { judged: core.judgedBind(prepared), types: prepared.types };
}

/** What it means hangs on nothing but its text, and neither does what comes behind it hang on what it does. */
function isPlain({ alone, atParse, statements }: Judged): boolean {
  const [statement] = statements;
  if (!alone || atParse !== undefined || statement === undefined || statements.length > 1) return false;
  return statement.bound === undefined && statement.actions.length === 0 && statement.meaning !== 'changes';
}

function sameValues(some: readonly Parameter[], others: readonly Parameter[]): boolean {
  return (
    some.length === others.length &&
    some.every((one, i) => {
      const other = others[i]!;
      return one.value === other.value && one.type === other.type && one.format === other.format;
    })
  );
}

import { HoldpointError } from '#schemas/errors.ts';
import type { Parameter, Statement } from '#schemas/statement.ts';
import type { Described } from '../pipeline.ts';
import type { Core } from './core.ts';
import type { Judge, Judged } from './judgement.ts';
import type { OwnView } from './own-view.ts';
import type { SessionParts } from './parts.ts';
import type { ServerLine } from './server-line.ts';
import type { Settings } from './settings.ts';

/** What a statement means, in full, for those who approve it and for its hash. */
export class Describing {
  private readonly parts: SessionParts;
  private readonly settings: Settings;
  private readonly line: ServerLine;
  private readonly judge: Judge;
  private readonly own: OwnView;
  private readonly path: () => readonly string[];

  constructor(
    parts: SessionParts,
    settings: Settings,
    line: ServerLine,
    judge: Judge,
    own: OwnView,
    path: () => readonly string[],
  ) {
    this.parts = parts;
    this.settings = settings;
    this.line = line;
    this.judge = judge;
    this.own = own;
    this.path = path;
  }

  /**
   * Everything that gives a statement its meaning, asked of the server where only it knows; and a question for later: whether the
   * definitions that it reaches are still the same. Call `flush` of the line afterwards.
   */
  async describe(
    core: Pick<Core, 'status' | 'inBlock' | 'segment' | 'bound'>,
    protocol: Statement['protocol'],
    judged: Judged,
    parameters: readonly Parameter[],
    resultFormats: readonly number[],
  ): Promise<Described> {
    const { status, inBlock, segment, bound } = core;
    const names = status === 'E' ? [] : this.settings.asked;
    const asking = new Promise<Map<string, string>>((resolve, reject) => {
      const lost = (error: HoldpointError | null) =>
        reject(
          error ?? new HoldpointError('hold_withdrawn', 'an earlier statement of the same pipeline failed'),
        );
      if (names.length === 0) resolve(new Map());
      else this.line.show(names, segment, resolve, lost);
    });
    const types = parameters.map(parameter => parameter.type);
    const path = this.path();
    const [shown, reached] = await Promise.all([asking, this.reached(judged, types, path)]);
    const { target, database, role, policyVersion } = this.parts;
    const statement: Statement = {
      protocol,
      text: judged.text,
      parameters: [...parameters],
      resultFormats: resultFormats.map(f => (f === 1 ? 'binary' : 'text')),
      target,
      database,
      role,
      settings: this.settings.forDigest(shown, judged.escapes),
      transaction: inBlock ? 'open' : bound ? 'implicit' : 'idle',
      policyVersion,
      definitions: reached.definitions,
    };
    return {
      statement,
      unchanged: async () => {
        const now = await this.reached(judged, types, path);
        return now.definitions === reached.definitions && now.beside === reached.beside;
      },
    };
  }

  /**
   * The definitions that it reaches, as the target has them now. Where the session's own transaction has changed some, what others do
   * meanwhile is not asked for inside it: `beside` is the catalog that everybody sees, and any change of that counts then.
   */
  private async reached(
    { text, statements, escapes, values }: Judged,
    types: readonly number[],
    searchPath: readonly string[],
  ): Promise<{ readonly definitions: string; readonly beside: string }> {
    const { catalog } = this.parts;
    const { view } = this.own;
    await catalog.confirm();
    const effects = statements.map(s => s.effects);
    const definitions = this.parts.definitions(
      { text, searchPath, types, strings: this.judge.reading(escapes), effects, values: values ?? null },
      view,
    );
    return { definitions, beside: view === null ? '' : (catalog.current?.version ?? '?') };
  }
}

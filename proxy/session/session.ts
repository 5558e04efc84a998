import type { Duplex } from 'node:stream';
import type { Analysis, StatementAnalysis } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import type { MaskKind } from '#schemas/policy.ts';
import type { Parameter, Statement } from '#schemas/statement.ts';
import { Pipeline, type PipelineParts, type Submission } from '../pipeline.ts';
import {
  BACKEND,
  encode,
  encodeError,
  encodeNotice,
  encodeReady,
  int32,
  type TransactionStatus,
} from '../wire/backend.ts';
import { Frames, show } from '../wire/frames.ts';
import {
  type BindMessage,
  decodeBind,
  decodeExecute,
  decodeNamed,
  decodeParse,
  decodeQuery,
  FRONTEND,
  formatOf,
} from '../wire/frontend.ts';
import { Answers } from './answers.ts';
import { Judge, type Judged } from './judgement.ts';
import type { Op, Portal } from './op.ts';
import { HIGH_WATER, Outbox } from './outbox.ts';
import { Names, type Prepared } from './picture.ts';
import { Run, type RunStatus } from './run.ts';
import { changesCatalog, Settings } from './settings.ts';

/** The target's catalog as the session sees it: shared, and reloaded when it may be stale. */
export interface CatalogHandle {
  /** Null while it may be stale. */
  readonly current: SessionCatalog | null;
  /** Something was run that may have changed it. */
  invalidate(): void;
  whenFresh(done: (error: HoldpointError | null) => void): void;
}

export interface SessionCatalog {
  readonly version: string;
  readonly protects: boolean;
  maskOf(tableOid: number, attnum: number): { column: string; mask: MaskKind } | null;
}

export interface SessionLimits {
  /** Longest message of the agent, in bytes. */
  readonly messageBytes: number;
  /** Bytes that an agent may send ahead while a statement is parked. */
  readonly aheadBytes: number;
  /** Prepared statements, and portals, that are open at once. */
  readonly names: number;
}

export interface SessionParts extends Omit<PipelineParts, 'gate' | 'parked'> {
  readonly client: Duplex;
  readonly upstream: Duplex;
  /** As the server reported them at its start. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly target: string;
  readonly database: string;
  readonly role: string;
  readonly user: string;
  readonly policyVersion: string;
  /** The server refuses writes for the whole session. */
  readonly readOnly: boolean;
  readonly catalog: CatalogHandle;
  readonly maskKey: Buffer;
  readonly limits: SessionLimits;
  analyse(text: string, catalog: SessionCatalog, searchPath: readonly string[]): Analysis;
  decide(
    statements: readonly StatementAnalysis[],
    inTransaction: boolean,
  ): import('#schemas/verdict.ts').Verdict;
  withBody(outer: StatementAnalysis, body: StatementAnalysis | undefined): StatementAnalysis;
  /** Sends a cancel request to the server for this session. */
  cancelUpstream(): void;
  /** Once, when everything is over. */
  closed(reason: string, statements: number): void;
  log(message: string, error?: unknown): void;
}

/** Names that the proxy uses on the server side; an agent that uses them is refused. */
const OWN = '_holdpoint';
/** Fails in the server's parser, before anything is looked at or run, and says in its log why. */
const POISON = 'holdpoint refused a statement here';
const DRAIN_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
const DEFAULT_READ_ONLY = 'default_transaction_read_only';

/** Why the agent's next message has to wait. */
type Block = 'ready' | 'judging' | 'catalog' | 'probe' | 'settle' | 'copy';

/**
 * One agent's session, from the server's first ReadyForQuery to its end: reads the agent's messages in order, keeps the picture of the
 * session that the server has, has each statement judged (pipeline.ts), and sends on what is released.
 *
 * One message at a time decides: after a Query or a Sync the next message waits for ReadyForQuery, and after a statement that changes
 * how later ones are read it waits for the answer, so that nothing is judged on a guess.
 */
export class Session {
  private readonly parts: SessionParts;
  private readonly frames: Frames;
  private readonly outbox: Outbox;
  private readonly answers: Answers;
  private readonly pipeline: Pipeline;
  private readonly judge: Judge;
  private readonly settings = new Settings();
  private readonly statements = new Names<Prepared>();
  private readonly portals = new Names<Portal>();
  /** Bound and not yet at their end. */
  private readonly openRuns = new Set<Run>();
  private status: TransactionStatus = 'I';
  private block: Block | null = null;
  /** Chunks that came in while blocked. */
  private ahead: Buffer[] = [];
  private aheadBytes = 0;
  /** An error was answered in the extended protocol: everything up to Sync is skipped, as the server does. */
  private skipping = false;
  /** Something was sent since the last Sync: the server is inside an implicit transaction. */
  private segment = false;
  private copying = false;
  /** Inside the agent's transaction block, also where no ReadyForQuery has said so yet (a pipelined BEGIN). */
  private inBlock = false;
  private gone = false;
  private over = false;
  private n = 0;
  private upstreamOut: Buffer[] = [];
  /** The server's default, and what the agent believes it to be. */
  private serverReadOnly: boolean;
  private agentReadOnly: boolean;
  private catalogTouched = false;
  private keepAlive: NodeJS.Timeout | undefined;
  private drain: NodeJS.Timeout | undefined;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.frames = new Frames({ limit: () => parts.limits.messageBytes, stream: () => false });
    this.outbox = new Outbox(
      parts.client,
      parts.recorder,
      fault => this.fail(fault),
      () => this.relieved(),
    );
    this.pipeline = new Pipeline({
      ...parts,
      gate: ticket => this.outbox.gate(ticket),
      parked: (hold, message) => this.parked(hold.approval, message),
    });
    this.judge = new Judge(
      text => {
        const catalog = parts.catalog.current;
        if (catalog === null) throw new HoldpointError('catalog_unavailable');
        return parts.analyse(text, catalog, this.path());
      },
      (statements, inTransaction) => this.decide(statements, inTransaction),
      parts.withBody,
    );
    this.answers = new Answers(this.outbox, {
      maskOf: (oid, attnum) =>
        this.parts.catalog.current?.maskOf(oid, attnum) ?? this.lastCatalog?.maskOf(oid, attnum) ?? null,
      protects: () => (this.parts.catalog.current ?? this.lastCatalog)?.protects ?? true,
      maskKey: parts.maskKey,
      ended: (run, status) => this.ended(run, status),
      confirmed: op => this.confirmed(op),
      completed: statement => this.completed(statement),
      failed: extended => this.failed(extended),
      ready: status => this.ready(status),
      idle: () => this.idle(),
      copyIn: () => this.copyIn(),
      parameter: (name, value, own) => this.parameter(name, value, own),
    });
    for (const [name, value] of parts.parameters) this.settings.report(name, value);
    this.serverReadOnly = parts.parameters.get(DEFAULT_READ_ONLY) === 'on';
    this.agentReadOnly = this.serverReadOnly;
    this.listen();
  }

  private lastCatalog: SessionCatalog | null = null;

  // ── sockets ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  private listen(): void {
    const { client, upstream } = this.parts;
    client.on('data', (chunk: Buffer) => this.guard(() => this.fromAgent(chunk)));
    client.on('end', () => this.agentGone('the agent disconnected'));
    client.on('close', () => this.agentGone('the agent disconnected'));
    client.on('error', () => this.agentGone('the connection to the agent broke'));
    client.on('drain', () => this.relieved());
    upstream.on('data', (chunk: Buffer) => this.guard(() => this.fromServer(chunk)));
    upstream.on('end', () => this.serverGone());
    upstream.on('close', () => this.serverGone());
    upstream.on('error', () => this.serverGone());
    upstream.on('drain', () => client.resume());
  }

  /** The agent has taken what was sent, or the ledger what was recorded: the server may go on. */
  private relieved(): void {
    if (this.parts.upstream.isPaused() && this.outbox.backlog <= HIGH_WATER) this.parts.upstream.resume();
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  private fromServer(chunk: Buffer): void {
    if (this.over) return;
    this.answers.push(chunk);
    this.flush();
    if (this.outbox.backlog > HIGH_WATER && !this.gone) this.parts.upstream.pause();
  }

  private fromAgent(chunk: Buffer): void {
    if (this.over || this.gone) return;
    if (this.block !== null && !this.copying) {
      this.ahead.push(chunk);
      this.aheadBytes += chunk.length;
      if (this.aheadBytes > this.parts.limits.aheadBytes)
        throw new HoldpointError('limit', 'too much was sent ahead while a statement is under way', {
          detail: `The limit is ${this.parts.limits.aheadBytes} bytes.`,
        });
      return;
    }
    this.frames.push(chunk);
    this.pump();
  }

  private pump(): void {
    for (;;) {
      while (this.block === null && !this.over && this.frames.next()) this.message();
      if (this.block !== null || this.over || this.ahead.length === 0) break;
      const chunk = this.ahead.shift()!;
      this.aheadBytes -= chunk.length;
      this.frames.push(chunk);
    }
    this.flush();
  }

  private wait(why: Block): void {
    this.block = why;
  }

  private proceed(): void {
    this.block = null;
    this.pump();
  }

  private flush(): void {
    if (this.upstreamOut.length > 0) {
      const out = this.upstreamOut;
      this.upstreamOut = [];
      const bytes = out.length === 1 ? out[0]! : Buffer.concat(out);
      if (!this.parts.upstream.write(bytes)) this.parts.client.pause();
    }
    this.outbox.flush();
  }

  // ── the agent's messages ─────────────────────────────────────────────────────────────────────────────────────────────

  private message(): void {
    const { type, buffer, start, end } = this.frames;
    if (this.skipping && type !== FRONTEND.sync && type !== FRONTEND.terminate) return;
    if (this.copying) {
      this.copyMessage(type, buffer, start, end);
      return;
    }
    switch (type) {
      case FRONTEND.query:
        this.whenJudgeable(() => this.query(buffer, start, end));
        return;
      case FRONTEND.parse:
        this.whenJudgeable(() => this.parse(buffer, start, end));
        return;
      case FRONTEND.bind:
        this.whenJudgeable(() => this.bind(buffer, start, end));
        return;
      case FRONTEND.describe:
        this.describe(buffer, start, end);
        return;
      case FRONTEND.execute:
        this.execute(buffer, start, end);
        return;
      case FRONTEND.close:
        this.closeName(buffer, start, end);
        return;
      case FRONTEND.flush:
        this.recordParses();
        this.send(buffer.subarray(start, end));
        return;
      case FRONTEND.sync:
        this.sync(buffer, start, end);
        return;
      case FRONTEND.terminate:
        this.agentGone('the agent ended the session');
        return;
      case FRONTEND.copyData:
      case FRONTEND.copyDone:
      case FRONTEND.copyFail:
        // Left over from a COPY that failed: the server drops them too.
        return;
      case FRONTEND.functionCall:
        this.refuseSimple(
          new HoldpointError('unsupported', 'fast-path function calls are refused', {
            detail: 'They carry no SQL that could be judged.',
            hint: 'Call the function with SELECT.',
          }),
        );
        return;
      default:
        throw new HoldpointError('protocol', `unknown message type ${show(type)}`);
    }
  }

  /** Runs `then` when catalog and search_path are known; until then the agent's next message waits. */
  private whenJudgeable(then: () => void): void {
    const { catalog } = this.parts;
    if (catalog.current === null) {
      this.wait('catalog');
      catalog.whenFresh(error =>
        this.guard(() => {
          if (this.over) return;
          this.block = null;
          if (error !== null) this.refuseMessage(error);
          else this.whenJudgeable(then);
          if (this.block === null) this.pump();
        }),
      );
      return;
    }
    if (this.settings.dirty && this.status !== 'E') {
      this.wait('probe');
      this.ask(['search_path', 'role'], answers => {
        this.settings.learn(answers.get('search_path') ?? '?', answers.get('role') ?? '?', this.parts.user);
        this.block = null;
        this.whenJudgeable(then);
        if (this.block === null) this.pump();
      });
      this.flush();
      return;
    }
    this.lastCatalog = catalog.current;
    this.judge.under(catalog.current, this.path());
    then();
  }

  /** In a failed transaction the settings can not be asked for, and may be other than known. */
  private path(): readonly string[] {
    return this.settings.dirty ? UNKNOWN_PATH : this.settings.searchPath;
  }

  private refuseMessage(error: HoldpointError): void {
    if (this.frames.type === FRONTEND.query) this.refuseSimple(error);
    else this.refuseExtended(error);
  }

  private query(buffer: Buffer, start: number, end: number): void {
    const text = decodeQuery(buffer, start, end);
    const judgement = this.judge.text(text, this.bodies);
    if (judgement.kind === 'syntax-error') {
      this.refuseSimple(new HoldpointError('syntax', judgement.message), judgement.position);
      return;
    }
    const { judged } = judgement;
    const run = this.run(judged.statements);
    this.submit({
      ...this.submission(run, judged, 'simple', []),
      describe: () => this.statement('simple', text, [], []),
      forward: () => {
        if (this.status === 'I' && !this.segment) this.switchMode(secondWitness(judged));
        this.answers.expect({ kind: 'query', run, plan: undefined });
        this.send(buffer.subarray(start, end));
        this.wait('ready');
      },
      refuse: error => this.refuseSimple(error),
    });
  }

  private parse(buffer: Buffer, start: number, end: number): void {
    const { name, text, types } = decodeParse(buffer, start, end);
    if (name.startsWith(OWN))
      throw new HoldpointError('unsupported', `statement names that begin with ${OWN} belong to the proxy`);
    if (this.statements.size >= this.parts.limits.names)
      return this.refuseExtended(
        new HoldpointError('limit', `more than ${this.parts.limits.names} prepared statements are open`),
      );
    const judgement = this.judge.text(text, this.bodies);
    if (judgement.kind === 'syntax-error')
      return this.refuseExtended(new HoldpointError('syntax', judgement.message), judgement.position);
    const { judged } = judgement;
    const [analysis, second] = judged.statements;
    if (analysis === undefined || second !== undefined)
      return this.refuseExtended(
        new HoldpointError('syntax', 'cannot insert multiple commands into a prepared statement'),
      );
    const prepared: Prepared = {
      text,
      types,
      analysis,
      under: this.judge.stamp,
      alone: judged.alone,
      columns: null,
      unrecorded: true,
    };
    const forward = (run: Run | null) => {
      this.openSegment(judged, FRONTEND.parse);
      this.statements.assume(name, prepared);
      this.answers.expect({ kind: 'parse', name, prepared, run });
      this.send(buffer.subarray(start, end));
    };
    const verdict = this.inBlock ? judged.verdict.inTransaction : judged.verdict.outside;
    if (verdict.kind === 'allow' && judged.reads) {
      // Parsing runs nothing, and the Bind that follows records the text; where none follows, Flush or Sync does.
      forward(null);
      return;
    }
    prepared.unrecorded = false;
    const run = this.run(judged.statements);
    this.submit({
      ...this.submission(run, judged, 'parse', []),
      parseOnly: true,
      describe: () => this.statement('extended', text, [], []),
      forward: () => forward(run),
      refuse: error => this.refuseExtended(error),
    });
  }

  private bind(buffer: Buffer, start: number, end: number): void {
    const message = decodeBind(buffer, start, end);
    const { portal: name, statement } = message;
    const prepared = this.statements.get(statement);
    if (name.startsWith(OWN))
      throw new HoldpointError('unsupported', `portal names that begin with ${OWN} belong to the proxy`);
    if (prepared === undefined) return this.refuseExtended(unknownStatement(statement));
    if (this.portals.size >= this.parts.limits.names)
      return this.refuseExtended(
        new HoldpointError('limit', `more than ${this.parts.limits.names} portals are open`),
      );
    prepared.unrecorded = false;
    const judged = this.judgedBind(prepared);
    const run = this.run(judged.statements);
    const parameters = parametersOf(message, prepared.types);
    this.submit({
      ...this.submission(run, judged, 'bind', parameters),
      describe: () => this.statement('extended', judged.text, parameters, message.resultFormats),
      forward: () => {
        this.openSegment(judged, FRONTEND.bind);
        const portal: Portal = {
          source: prepared,
          run,
          resultFormats: message.resultFormats,
          described: false,
          plan: undefined,
        };
        portal.plan = this.answers.planFor(portal);
        this.openRuns.add(run);
        this.portals.assume(name, portal);
        this.answers.expect({ kind: 'bind', name, portal });
        this.send(buffer.subarray(start, end));
      },
      refuse: error => this.refuseExtended(error),
    });
  }

  private describe(buffer: Buffer, start: number, end: number): void {
    const { kind, name } = decodeNamed(buffer, start, end);
    if (kind === 'statement') {
      const prepared = this.statements.get(name);
      if (prepared === undefined) return this.refuseExtended(unknownStatement(name));
      this.answers.expect({ kind: 'describe-statement', prepared });
    } else {
      const portal = this.portals.get(name);
      if (portal === undefined) return this.refuseExtended(unknownPortal(name));
      portal.described = true;
      this.answers.expect({ kind: 'describe-portal', portal, own: false });
    }
    this.segment = true;
    this.send(buffer.subarray(start, end));
  }

  private execute(buffer: Buffer, start: number, end: number): void {
    const { portal: name } = decodeExecute(buffer, start, end);
    const portal = this.portals.get(name);
    if (portal === undefined || portal.run === null) return this.refuseExtended(unknownPortal(name));
    const { run } = portal;
    if (portal.plan === undefined && !portal.described) {
      // The agent did not ask what the columns are; the mask has to know.
      portal.described = true;
      this.answers.expect({ kind: 'describe-portal', portal, own: true });
      this.send(encode(FRONTEND.describe, Buffer.from('P'), name));
    }
    this.segment = true;
    this.answers.expect({ kind: 'execute', portal, run });
    this.send(buffer.subarray(start, end));
    const copies = run.statements.some(s => s.effects.commands.includes('copy-in'));
    if (copies || run.statements.some(changesPicture)) {
      // What follows may mean something else once this is done: it waits for the answer, which Flush makes the server give.
      this.send(FLUSH);
      this.wait(copies ? 'copy' : 'settle');
    }
  }

  private closeName(buffer: Buffer, start: number, end: number): void {
    const { kind, name } = decodeNamed(buffer, start, end);
    if (name.startsWith(OWN))
      throw new HoldpointError('unsupported', `names that begin with ${OWN} belong to the proxy`);
    if (kind === 'statement') this.statements.assume(name, null);
    else this.portals.assume(name, null);
    this.segment = true;
    this.answers.expect({ kind: 'close', of: kind, name });
    this.send(buffer.subarray(start, end));
  }

  private sync(buffer: Buffer, start: number, end: number): void {
    this.recordParses();
    this.skipping = false;
    this.answers.expect({ kind: 'sync' });
    this.send(buffer.subarray(start, end));
    this.wait('ready');
  }

  private copyMessage(type: number, buffer: Buffer, start: number, end: number): void {
    switch (type) {
      case FRONTEND.copyData:
        this.copied?.passed(buffer.subarray(start + 5, end));
        this.send(buffer.subarray(start, end));
        return;
      case FRONTEND.copyDone:
      case FRONTEND.copyFail:
        this.copying = false;
        this.send(buffer.subarray(start, end));
        if (this.copySimple) this.wait('ready');
        return;
      case FRONTEND.flush:
      case FRONTEND.sync:
        // The server ignores both while it takes COPY data.
        return;
      case FRONTEND.terminate:
        this.agentGone('the agent ended the session');
        return;
      default:
        throw new HoldpointError('protocol', `unexpected message type ${show(type)} during COPY from stdin`);
    }
  }

  private copied: Run | null = null;
  private copySimple = false;

  private copyIn(): void {
    const op = this.answers.head;
    this.copied = op?.kind === 'query' || op?.kind === 'execute' ? op.run : null;
    this.copySimple = op?.kind === 'query';
    this.copying = true;
    this.block = null;
    queueMicrotask(() => this.guard(() => this.pump()));
  }

  // ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  private readonly bodies = {
    statement: (name: string) => this.bodyOf(this.statements.get(name)),
    cursor: (name: string) => this.bodyOf(this.portals.get(name)?.source),
  };

  private decide(
    statements: readonly StatementAnalysis[],
    inTransaction: boolean,
  ): import('#schemas/verdict.ts').Verdict {
    if (this.parts.readOnly && statements.some(turnsWritesOn))
      return {
        kind: 'deny',
        rule: 'invariant',
        message: 'this session is read-only: its access entry says so',
      };
    return this.parts.decide(statements, inTransaction);
  }

  /** What a name stands for; not told where that hangs on yet another name, which may be another one by now. */
  private bodyOf(prepared: Prepared | undefined): StatementAnalysis | undefined {
    if (prepared === undefined || !prepared.alone) return undefined;
    if (prepared.text === null) return prepared.under === this.judge.stamp ? prepared.analysis : undefined;
    const judgement = this.judge.text(prepared.text, this.bodies);
    return judgement.kind === 'judged' ? judgement.judged.statements[0] : undefined;
  }

  private fromSql(analysis: StatementAnalysis): Prepared {
    const alone = analysis.executes === null && analysis.cursor === null;
    return {
      text: null,
      types: [],
      analysis,
      under: this.judge.stamp,
      alone,
      columns: null,
      unrecorded: false,
    };
  }

  private judgedBind(prepared: Prepared): Judged {
    if (prepared.text === null) {
      const body = this.parts.withBody(prepared.analysis, this.bodyOf(prepared));
      return this.judge.statements('(prepared in SQL)', [this.bodyOf(prepared) ?? body]);
    }
    const judgement = this.judge.text(prepared.text, this.bodies);
    if (judgement.kind === 'syntax-error')
      throw new HoldpointError('internal', 'a prepared statement does not parse any more');
    return judgement.judged;
  }

  private run(statements: readonly StatementAnalysis[]): Run {
    return new Run(++this.n, statements, this.parts.now());
  }

  private submission(
    run: Run,
    judged: Judged,
    protocol: Submission['protocol'],
    parameters: readonly Parameter[],
  ) {
    return {
      run,
      judged,
      protocol,
      parameters,
      inTransaction: this.inBlock,
      failedTransaction: this.status === 'E' && judged.statements.length === 1,
      parseOnly: false,
      gone: () => this.gone || this.over,
    };
  }

  /** The agent's next message waits until this one has gone forward or was refused. */
  private submit(work: Submission): void {
    this.wait('judging');
    let settled = false;
    let async = false;
    const settle = () => {
      settled = true;
      if (this.block === 'judging') this.block = null;
      if (async && this.block === null) this.pump();
      else if (async) this.flush();
    };
    this.pipeline.submit({
      ...work,
      forward: () =>
        this.guard(() => {
          this.stopKeepAlive();
          work.forward();
          settle();
        }),
      refuse: error =>
        this.guard(() => {
          this.stopKeepAlive();
          work.refuse(error);
          settle();
        }),
    });
    async = !settled;
  }

  /** Texts parsed and not bound: they reached the server, so they are in the record. */
  private recordParses(): void {
    for (const prepared of this.statements.pending()) {
      if (!prepared.unrecorded) continue;
      prepared.unrecorded = false;
      const judged = this.judgedBind(prepared);
      const run = this.run([prepared.analysis]);
      run.tag = 'PARSE';
      this.pipeline.parsed(run, judged);
    }
  }

  private async statement(
    protocol: Statement['protocol'],
    text: string,
    parameters: readonly Parameter[],
    resultFormats: readonly number[],
  ): Promise<Statement> {
    const shown = this.status === 'E' ? new Map<string, string>() : await this.shown(this.settings.asked);
    return {
      protocol,
      text,
      parameters: [...parameters],
      resultFormats: resultFormats.map(f => (f === 1 ? 'binary' : 'text')),
      target: this.parts.target,
      database: this.parts.database,
      role: this.parts.role,
      settings: this.settings.forDigest(shown),
      transaction: this.inBlock ? 'open' : this.segment ? 'implicit' : 'idle',
      policyVersion: this.parts.policyVersion,
    };
  }

  private shown(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (names.length === 0) return Promise.resolve(new Map());
    return new Promise(resolve => {
      this.ask(names, resolve);
      this.flush();
    });
  }

  // ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private refuseSimple(error: HoldpointError, position?: number | null): void {
    const bytes = encodeError(error, 'ERROR', position);
    if (this.status === 'T' || this.segment) {
      this.answers.expect({ kind: 'poison', error: bytes, protocol: 'simple' });
      this.send(encode(FRONTEND.query, POISON));
      this.wait('ready');
      return;
    }
    this.outbox.write(bytes);
    this.outbox.write(encodeReady(this.status));
  }

  private refuseExtended(error: HoldpointError, position?: number | null): void {
    const bytes = encodeError(error, 'ERROR', position);
    this.skipping = true;
    if (this.status !== 'T' && !this.segment) {
      this.statements.settle();
      this.portals.settle();
      this.outbox.write(bytes);
      return;
    }
    this.answers.expect({ kind: 'poison', error: bytes, protocol: 'extended' });
    this.send(encode(FRONTEND.parse, OWN, POISON, Buffer.of(0, 0)));
  }

  /** Ends the session: its picture or its record can no longer be trusted. */
  private fail(cause: unknown): void {
    if (this.over) return;
    const error =
      cause instanceof HoldpointError ? cause : new HoldpointError('internal', undefined, { cause });
    if (error.code === 'internal')
      this.parts.log(`session ${this.parts.session} ended: ${error.message}`, error.cause ?? error);
    this.finish(error.message, encodeError(error, 'FATAL'));
  }

  /** From outside: shutdown, or the session's time is over. */
  end(error: HoldpointError): void {
    if (this.over) return;
    this.pipeline.withdraw(error.message, 'shutdown');
    this.finish(error.message, encodeError(error, 'FATAL'));
  }

  /** A notice that belongs to no statement, such as the time that is left. */
  notice(message: string): void {
    if (this.over || this.gone) return;
    this.outbox.write(encodeNotice(message));
    this.outbox.flush();
  }

  cancel(): void {
    if (this.pipeline.withdraw('cancelled by the agent', 'cancelled')) return;
    if (this.answers.underWay > 0) this.parts.cancelUpstream();
  }

  // ── a hold, as the agent sees it ─────────────────────────────────────────────────────────────────────────────────────

  private parked(
    approval: {
      id: string;
      deadline: string;
      requirements: readonly { rule: string; approvers: readonly string[] }[];
    },
    message: string,
  ): void {
    if (this.gone) return;
    const rules = approval.requirements.map(r => r.rule).join(', ');
    this.outbox.write(
      encodeNotice(`held for approval ${approval.id}: ${message}`, {
        detail: `rule: ${rules}; approvers: ${[...new Set(approval.requirements.flatMap(r => r.approvers))].join(', ')}; deadline: ${approval.deadline}`,
        hint: `holdpoint approvals show ${approval.id}, or the inbox page. Disconnecting withdraws it.`,
      }),
    );
    this.outbox.flush();
    this.keepAlive = setInterval(
      () => this.notice(`still held: approval ${approval.id}, deadline ${approval.deadline}`),
      KEEP_ALIVE_MS,
    );
  }

  private stopKeepAlive(): void {
    clearInterval(this.keepAlive);
    this.keepAlive = undefined;
  }

  // ── what the server says ─────────────────────────────────────────────────────────────────────────────────────────────

  private ended(run: Run, status: RunStatus): void {
    if (run.ended) return;
    this.openRuns.delete(run);
    this.pipeline.ended(run, status);
  }

  private confirmed(op: Op): void {
    switch (op.kind) {
      case 'parse':
        this.statements.confirm(op.name, op.prepared);
        return;
      case 'bind':
        this.portalGone(this.portals.confirm(op.name, op.portal)?.run);
        return;
      case 'close':
        if (op.of === 'statement') this.statements.confirm(op.name, null);
        else this.portalGone(this.portals.confirm(op.name, null)?.run);
        return;
      default:
        return;
    }
  }

  private completed(statement: StatementAnalysis): void {
    this.settings.completed(statement);
    if (changesCatalog(statement)) this.catalogTouched = true;
    for (const action of statement.actions) {
      switch (action.kind) {
        case 'prepare':
          this.statements.confirm(action.name, this.fromSql(action.body));
          break;
        case 'declare':
          this.portals.confirm(action.name, {
            source: this.fromSql(action.body),
            run: null,
            resultFormats: [],
            described: false,
            plan: undefined,
          });
          break;
        case 'deallocate':
          if (action.name === null) this.statements.keepOnly(() => false);
          else this.statements.confirm(action.name, null);
          break;
        case 'begin':
          this.inBlock = true;
          break;
        case 'commit':
        case 'rollback':
          this.inBlock = false;
          break;
        case 'close':
          if (action.name === null) this.portals.keepOnly(() => false);
          else this.portals.confirm(action.name, null);
          break;
        case 'discard':
          this.statements.keepOnly(() => false);
          this.portals.keepOnly(() => false);
          break;
        default:
          break;
      }
    }
  }

  private failed(extended: boolean): void {
    this.copying = false;
    if (!extended) return;
    this.statements.settle();
    this.portals.settle();
    this.skipping = true;
    if (this.block === 'copy' || this.block === 'settle') this.resume();
  }

  private idle(): void {
    this.statements.settle();
    this.portals.settle();
    if (this.block === 'settle' || this.block === 'copy') this.resume();
  }

  private ready(status: TransactionStatus): void {
    this.status = status;
    this.inBlock = status !== 'I';
    this.segment = false;
    this.copying = false;
    this.statements.settle();
    this.portals.settle();
    if (status === 'I') {
      for (const run of [...this.openRuns]) this.portalGone(run);
      this.portals.keepOnly(portal => portal.run === null);
      this.settings.transactionEnded();
      if (this.catalogTouched) {
        this.catalogTouched = false;
        this.parts.catalog.invalidate();
      }
    }
    if (this.gone) {
      this.finish('the agent disconnected', null);
      return;
    }
    this.resume();
  }

  /** The agent's messages go on once this chunk of the server's is dealt with. */
  private resume(): void {
    this.block = null;
    if (this.ahead.length > 0 || this.frames.buffered > 0)
      queueMicrotask(() => this.guard(() => this.pump()));
  }

  private parameter(name: string, value: string, own: boolean): boolean {
    this.settings.report(name, value);
    if (name === 'client_encoding' && value !== 'UTF8')
      throw new HoldpointError(
        'unsupported',
        `client_encoding ${value} is refused: statements are read as UTF-8`,
      );
    if (name === 'standard_conforming_strings' && value !== 'on')
      throw new HoldpointError(
        'unsupported',
        'standard_conforming_strings = off is refused: statements would be read differently',
      );
    if (name !== DEFAULT_READ_ONLY) return !own;
    const on = value === 'on';
    this.serverReadOnly = on;
    if (own) return false;
    if (this.parts.readOnly && !on)
      throw new HoldpointError('internal', 'a read-only session was made writable');
    this.agentReadOnly = on;
    return true;
  }

  /** Its portal is gone: what was fetched is all there will be. */
  private portalGone(run: Run | null | undefined): void {
    if (run !== null && run !== undefined) this.ended(run, run.rows > 0 ? 'ok' : 'skipped');
  }

  // ── what the proxy itself asks of the server ─────────────────────────────────────────────────────────────────────────

  /**
   * Second witness: outside a transaction block a released read runs where the server refuses writes. The switch is the proxy's; the
   * agent sees the value that it set itself.
   */
  private switchMode(read: boolean): void {
    const wanted = read || this.agentReadOnly;
    if (this.serverReadOnly === wanted || this.parts.readOnly) return;
    this.serverReadOnly = wanted;
    this.answers.expect({ kind: 'own', until: BACKEND.readyForQuery });
    this.send(encode(FRONTEND.query, `SET ${DEFAULT_READ_ONLY} = ${wanted ? 'on' : 'off'}`));
  }

  /** The first message of an extended segment decides the mode for all of it: its transaction begins here. */
  private openSegment(first: Judged, type: number): void {
    if (this.segment) return;
    if (this.status === 'I') {
      const whole = this.lookAhead(first, type);
      if (whole !== 'nothing runs') this.switchMode(whole === 'reads');
    }
    this.segment = true;
  }

  private lookAhead(first: Judged, type: number): 'reads' | 'other' | 'nothing runs' {
    const parsed = new Map<string, string>();
    let reads = true;
    let binds = type === FRONTEND.bind;
    let complete = false;
    const add = (judged: Judged) => {
      if (!secondWitness(judged)) reads = false;
    };
    if (type === FRONTEND.bind) add(first);
    else {
      const { name, text } = decodeParse(this.frames.buffer, this.frames.start, this.frames.end);
      parsed.set(name, text);
    }
    this.frames.ahead((next, buffer, start, end) => {
      switch (next) {
        case FRONTEND.sync:
          complete = true;
          return false;
        case FRONTEND.parse: {
          const message = decodeParse(buffer, start, end);
          parsed.set(message.name, message.text);
          return true;
        }
        case FRONTEND.bind: {
          binds = true;
          const { statement } = decodeBind(buffer, start, end);
          const text = parsed.get(statement) ?? this.statements.get(statement)?.text ?? null;
          const judgement = text === null ? null : this.judge.text(text, this.bodies);
          if (judgement?.kind === 'judged') add(judgement.judged);
          else reads = false;
          return true;
        }
        case FRONTEND.query:
          reads = false;
          return true;
        default:
          return true;
      }
    });
    if (complete && !binds) return 'nothing runs';
    return complete && reads ? 'reads' : 'other';
  }

  /** SHOW for each name, answered by the server itself, in whatever state the session is. Not to be used in a failed transaction. */
  private ask(names: readonly string[], done: (answers: Map<string, string>) => void): void {
    const answers = new Map<string, string>();
    names.forEach((name, i) => {
      const row = (values: (string | null)[]) => {
        answers.set(name, values[0] ?? '');
      };
      const last = i === names.length - 1;
      const finished = last ? { done: () => this.guard(() => done(answers)) } : {};
      if (!this.segment) {
        this.answers.expect({ kind: 'own', until: BACKEND.readyForQuery, row, ...finished });
        this.send(encode(FRONTEND.query, `SHOW ${name}`));
        return;
      }
      // Inside a segment a simple Query would end the implicit transaction.
      const none = Buffer.of(0, 0);
      const steps: [number, Buffer, object][] = [
        [BACKEND.parseComplete, encode(FRONTEND.parse, OWN, `SHOW ${name}`, none), {}],
        [BACKEND.bindComplete, encode(FRONTEND.bind, OWN, OWN, none, none, none), {}],
        [BACKEND.commandComplete, encode(FRONTEND.execute, OWN, int32(0)), { row }],
        [BACKEND.closeComplete, encode(FRONTEND.close, Buffer.from('P'), OWN), {}],
        [BACKEND.closeComplete, encode(FRONTEND.close, Buffer.from('S'), OWN), finished],
      ];
      for (const [until, bytes, more] of steps) {
        this.answers.expect({ kind: 'own', until, ...more });
        this.send(bytes);
      }
      if (last) this.send(FLUSH);
    });
  }

  private send(bytes: Buffer): void {
    this.upstreamOut.push(bytes);
  }

  // ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private agentGone(why: string): void {
    if (this.gone || this.over) return;
    this.gone = true;
    this.pipeline.withdraw(why, 'hold_withdrawn');
    this.outbox.drop();
    if (this.answers.underWay === 0 || this.copying) this.finish(why, null);
    // What the server is doing runs to its end, so that its outcome is known, but not for ever.
    else {
      this.parts.upstream.resume();
      this.drain = setTimeout(() => this.finish(why, null), DRAIN_MS);
    }
  }

  private serverGone(): void {
    if (this.over) return;
    this.pipeline.withdraw('the server ended the connection', 'hold_withdrawn');
    this.outbox.flush();
    this.finish('the server ended the connection', null, true);
  }

  private finish(reason: string, last: Buffer | null, flushed = false): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.drain);
    this.stopKeepAlive();
    this.answers.lose();
    for (const run of this.openRuns) this.pipeline.ended(run, 'skipped');
    this.openRuns.clear();
    const { client, upstream } = this.parts;
    if (flushed) client.end();
    else this.outbox.end(last);
    if (upstream.writable) upstream.end(encode(FRONTEND.terminate));
    setTimeout(() => {
      upstream.destroy();
      client.destroy();
    }, 1000).unref();
    this.parts.closed(reason, this.n);
  }
}

const UNKNOWN_PATH: readonly string[] = ['?'];
const FLUSH = encode(FRONTEND.flush);

/** Whether it is to run where the server refuses writes: a BEGIN would hand that on to its transaction, a SHOW would show it. */
function secondWitness({ reads, statements }: Judged): boolean {
  return (
    reads &&
    !statements.some(s => s.effects.commands.includes('show') || s.actions.some(a => a.kind === 'begin'))
  );
}

/** After these, later messages may mean something else. */
function changesPicture(statement: StatementAnalysis): boolean {
  return statement.actions.length > 0 || changesCatalog(statement);
}

function turnsWritesOn({ actions }: StatementAnalysis): boolean {
  return actions.some(
    a =>
      (a.kind === 'begin' && a.readOnly === false) ||
      (a.kind === 'set' && (a.setting === DEFAULT_READ_ONLY || a.setting === 'transaction_read_only')),
  );
}

function unknownStatement(name: string): HoldpointError {
  const which = name === '' ? 'unnamed prepared statement' : `prepared statement "${name}"`;
  return new HoldpointError('unknown_statement', `${which} does not exist`);
}

function unknownPortal(name: string): HoldpointError {
  return new HoldpointError('unknown_portal', `portal "${name}" does not exist`);
}

function parametersOf(message: BindMessage, types: readonly number[]): Parameter[] {
  return message.values.map((value, i) => {
    const format = formatOf(message.formats, i) === 1 ? 'binary' : 'text';
    return {
      format,
      type: types[i] ?? 0,
      value: value === null ? null : value.toString(format === 'text' ? 'utf8' : 'base64'),
    };
  });
}

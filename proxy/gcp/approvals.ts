import { randomUUID } from 'node:crypto';
import type { DocumentSnapshot, Firestore } from '@google-cloud/firestore';
import type { Approvals } from '#proxy/ports.ts';
import type { Approval } from '#schemas/approval.ts';
import { type ClaimDocument, COLLECTIONS, claimDocument, fromDocument } from '#schemas/approval-document.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { standsFor } from '#schemas/grant.ts';
import type { HoldEvent } from '#schemas/hold.ts';
import type { HoldMessage } from '#schemas/messages.ts';
import { withRevocation } from '#schemas/revocation.ts';
import { ApprovalWatch } from './approval-watch.ts';
import type { Publisher } from './publisher.ts';
import { Revocations } from './revocations.ts';

export interface CloudApprovalsOptions {
  /** Of the topic of holds. */
  readonly publisher: Publisher;
  /** The database with the approvals, which the proxy only reads. */
  readonly approvals: Firestore;
  /** The database in which claims are made and revocations are read; it may be the same. */
  readonly claims: Firestore;
  /** This instance, among all that ever run. */
  readonly instance: string;
  readonly clock: () => number;
  readonly log: (message: string, error?: unknown) => void;
  /** How long Pub/Sub or Firestore may take for one answer (ms). */
  readonly deadlineMs?: number;
  /** How often what is watched is asked for beside listening (ms). */
  readonly pollMs?: number;
}

const ALREADY_EXISTS = 6;

/** The holds of one proxy instance in the cloud: told to approvers through Pub/Sub, watched and claimed in Firestore. */
export class CloudApprovals implements Approvals {
  readonly #options: CloudApprovalsOptions;
  readonly #deadline: number;
  readonly #revocations: Revocations;
  readonly #watch: ApprovalWatch;
  /** What is being published: a shutdown withdraws holds, and closes behind them. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: CloudApprovalsOptions) {
    this.#options = options;
    this.#deadline = options.deadlineMs ?? 8000;
    this.#revocations = new Revocations(options.claims);
    this.#watch = new ApprovalWatch({
      ...options,
      revocations: this.#revocations,
      pollMs: options.pollMs ?? 15_000,
    });
  }

  /** Pub/Sub has it, and will deliver it until `announce` has taken it. */
  async open(approval: Approval): Promise<void> {
    await this.#publish(approval.id, { v: 1, kind: 'held', approval, instance: this.#options.instance });
  }

  watch(id: string, changed: (approval: Approval | null) => void): () => void {
    return this.#watch.add(id, changed);
  }

  async end(id: string, event: Extract<HoldEvent, { kind: 'expire' | 'withdraw' }>): Promise<void> {
    const at = new Date(this.#options.clock()).toISOString();
    await this.#publish(id, { v: 1, kind: 'ended', approval: id, event: { ...event }, at });
  }

  /**
   * `create()` lets one caller through, ever. After it the approval is read once more: what was revoked or withdrawn meanwhile is not
   * released, and the claim stays spent.
   */
  async claim(id: string, digest: string): Promise<boolean> {
    const { claims, instance, clock } = this.#options;
    const mine: ClaimDocument = {
      digest,
      instance,
      token: randomUUID(),
      at: new Date(clock()).toISOString(),
    };
    const document = claims.collection(COLLECTIONS.claims).doc(id);
    try {
      await this.#answer(document.create(mine), 'the claim');
    } catch (error) {
      if ((error as { code?: unknown }).code !== ALREADY_EXISTS) throw error;
      // A create whose answer was lost is sent again by the library, and then finds itself.
      const there = claimDocument.safeParse((await this.#answer(document.get(), 'the claim')).data());
      if (!there.success || there.data.token !== mine.token) return false;
    }
    return this.stands(id, digest);
  }

  async stands(id: string, digest: string): Promise<boolean> {
    const document = this.#options.approvals.collection(COLLECTIONS.approvals).doc(id);
    const [seen, [revocation]] = await this.#answer(
      Promise.all([document.get(), this.#revocations.read([id])]),
      'the approval',
    );
    // Whatever it says.
    if (revocation !== null || !seen.exists) return false;
    const approval = read(seen);
    return approval.state === 'approved' && approval.digest === digest;
  }

  async find(grantKey: string): Promise<Approval | null> {
    const query = this.#options.approvals
      .collection(COLLECTIONS.approvals)
      .where('grantKey', '==', grantKey)
      .where('state', 'in', ['held', 'approved', 'denied']);
    const found = await this.#answer(query.get(), 'the approvals');
    const open = found.docs
      .map(read)
      .filter(a => standsFor(a, this.#options.clock()))
      .sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
    const [newest] = open;
    if (newest === undefined) return null;
    const [revocation = null] = await this.#answer(this.#revocations.read([newest.id]), 'the revocation');
    const seen = withRevocation(newest, revocation);
    if (seen === null) throw unavailable(`the revocation of approval ${newest.id} cannot be read`);
    return seen;
  }

  async close(): Promise<void> {
    this.#watch.close();
    await Promise.allSettled(this.#underWay);
    await this.#options.publisher.close();
  }

  async #publish(id: string, message: HoldMessage): Promise<void> {
    const data = Buffer.from(JSON.stringify(message), 'utf8');
    // What becomes a document has to fit into one.
    if (data.length > DOCUMENT_BYTES)
      throw new HoldpointError('limit', 'the statement is too long to be held', {
        detail: `an approval can have ${DOCUMENT_BYTES >> 10} KiB with its values`,
      });
    const outgoing = { data, orderingKey: id, attributes: { approval: id, kind: message.kind } };
    const publishing = this.#options.publisher.publish([outgoing], this.#deadline);
    this.#underWay.add(publishing);
    try {
      await publishing;
    } catch (cause) {
      throw new HoldpointError('hold_unavailable', undefined, {
        detail: 'the hold could not be published',
        cause,
      });
    } finally {
      this.#underWay.delete(publishing);
    }
  }

  async #answer<T>(asked: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(unavailable(`Firestore did not answer for ${what}`)), this.#deadline);
    });
    try {
      return await Promise.race([asked, late]);
    } catch (cause) {
      if (cause instanceof HoldpointError || (cause as { code?: unknown }).code === ALREADY_EXISTS)
        throw cause;
      throw unavailable(`Firestore failed for ${what}`, cause);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A Firestore document has 1 MiB, and the approval is stored as JSON within it; the rest is for decisions and the message's state. */
const DOCUMENT_BYTES = 900 * 1024;

/** What cannot be read may say anything: nothing is used while it is there. */
function read(document: DocumentSnapshot): Approval {
  try {
    return fromDocument(document.id, document.data());
  } catch (error) {
    throw unavailable(`the record of approval ${document.id} cannot be read`, error);
  }
}

function unavailable(detail: string, cause?: unknown): HoldpointError {
  return new HoldpointError('hold_unavailable', undefined, { detail, cause });
}

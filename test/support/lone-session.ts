import type { Catalog } from '#proxy/catalog/load.ts';
import type { PipelineParts } from '#proxy/pipeline.ts';
import type { SessionParts } from '#proxy/session/parts.ts';
import { Rewirings } from '#proxy/session/rewirings.ts';

/** Holds for where nothing is held: whoever asks for one has found a fault. */
export const NO_HOLDS: PipelineParts['holds'] = {
  full: () => null,
  standing: () => Promise.reject(new Error('nothing is held here')),
  follow: () => () => {},
  notUsed: unheld,
  park: unheld,
  size: 0,
  withdrawAll: () => {},
};

/** What a session without a proxy around it is given: a catalog that never changes, limits that are seldom met, nothing held. */
export function loneParts(catalog: Catalog) {
  return {
    counted: 0,
    given: [],
    holds: NO_HOLDS,
    reads: null,
    parameters: new Map([
      ['client_encoding', 'UTF8'],
      ['standard_conforming_strings', 'on'],
      ['default_transaction_read_only', 'off'],
    ]),
    readOnly: false,
    catalog: {
      current: catalog,
      invalidate: () => {},
      rewirings: new Rewirings(),
      whenFresh: done => done(null),
      confirm: () => Promise.resolve(),
      seenBy: () => Promise.resolve(null),
    },
    maskKey: Buffer.alloc(32, 1),
    memory: { full: () => null, add: () => {}, leave: () => {} },
    limits: { messageBytes: 1 << 20, aheadBytes: 1 << 20, text: 10_000, statements: 50, portals: 50 },
    approveAt: () => '',
    cancelUpstream: () => Promise.resolve(),
  } satisfies Partial<SessionParts>;
}

function unheld(): never {
  throw new Error('nothing is held here');
}

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventLines } from '#proxy/record/event-lines.ts';
import { JsonBytes } from '#proxy/record/json-bytes.ts';
import { serialiseBody } from '#proxy/record/serialise.ts';
import { Waiters } from '#proxy/record/waiters.ts';
import { type AuditBody, auditBodies } from '#schemas/audit.ts';
import { canonical, type Json } from '#schemas/canonical.ts';
import { eventHash, GENESIS, link } from '#schemas/chain.ts';
import {
  noteKey,
  parseCheckpoint,
  parseVerifierKey,
  signatureFault,
  signCheckpoint,
  verifierKey,
} from '#schemas/checkpoint.ts';
import { journalLine } from '#schemas/journal-lines.ts';
import { EMPTY_ROOT, Frontier, leafHash, nodeHash } from '#schemas/merkle.ts';
import { tilePath } from '#schemas/tiles.ts';
import { effects, outcome, statement } from './support.ts';

const text = fc.string({ unit: 'binary', maxLength: 40 });

test('bodies written key by key are the canonical JSON of the same body', () => {
  fc.assert(
    fc.property(text, text, fc.nat(), fc.array(fc.option(text)), (a, b, n, values) => {
      const parameters = values.map(value => ({ format: 'text' as const, type: n, value }));
      const s = statement(n, {
        text: a,
        message: b,
        parameters,
        effects: [effects, { ...effects, unknown: [a] }],
      });
      assert.equal(serialiseBody('statement', s), canonical(s as Json));
      const o = outcome(n, { tag: a, result: b, masks: [{ column: a, mask: b }] });
      assert.equal(serialiseBody('outcome', o), canonical(o as Json));
      assert.equal(serialiseBody('forward', { n }), canonical({ n }));
      assert.ok(auditBodies.statement.safeParse(JSON.parse(serialiseBody('statement', s))).success);
    }),
  );
});

test('lines written as bytes are what their text would be, whatever was written before', () => {
  const lines = new EventLines(() => Date.UTC(2030, 0, 1));
  fc.assert(
    fc.property(
      text,
      text,
      fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      fc.array(fc.option(text)),
      (a, b, n, values) => {
        const parameters = values.map(value => ({ format: 'text' as const, type: n, value }));
        const into = new JsonBytes(Buffer.alloc(8), 5);
        let expected = '';
        const both = <K extends 'statement' | 'forward' | 'outcome' | 'session.close'>(
          kind: K,
          body: AuditBody<K>,
        ) => {
          lines.write(into, a, kind, body);
          expected += journalLine(
            '2030-01-01T00:00:00.000Z',
            kind,
            JSON.stringify(a),
            serialiseBody(kind, body),
          );
        };
        // A text that comes again, also under another verdict, protocol or rule.
        for (const [verdict, protocol, rule] of [
          ['allow', 'bind', 'r'],
          ['allow', 'bind', 'r'],
          ['allow', 'simple', 'r'],
          ['allow', 'simple', b],
          ['deny', 'simple', b],
        ] as const)
          both('statement', {
            ...statement(n),
            text: b,
            message: a,
            parameters,
            effects: [],
            verdict,
            protocol,
            rule,
          });
        both('statement', { ...statement(n), text: b, effects: [effects, { ...effects, unknown: [a] }] });
        both('forward', { n });
        both('outcome', outcome(n, { tag: a, result: b, masks: [{ column: a, mask: b }] }));
        both('session.close', { reason: b, statements: n });
        assert.equal(into.bytes.toString('utf8', 5, into.at), expected);
      },
    ),
  );
});

test('an event of the wrong shape leaves nothing of itself among the lines', () => {
  const lines = new EventLines(Date.now);
  const into = new JsonBytes(Buffer.alloc(8), 5);
  for (const [kind, body] of [
    ['statement', { ...statement(1), text: undefined }],
    ['statement', { ...statement(1), parameters: [{ format: 'text', type: 1, value: 5 }] }],
    ['statement', { ...statement(1), verdict: 1 }],
    ['outcome', outcome(1, { rows: -1 })],
    ['outcome', { ...outcome(1), tag: null }],
    ['forward', { n: 0.5 }],
  ] as const) {
    assert.throws(() => lines.write(into, 's', kind, body as never), TypeError);
    assert.equal(into.at, 5);
  }
});

test('a linked event is canonical JSON with the hash that its reader computes', () => {
  fc.assert(
    fc.property(text, text, fc.nat(), (session, body, seq) => {
      const event = {
        at: '2030-01-01T00:00:00.000Z',
        kind: 'forward',
        body: canonical({ body }),
        session: JSON.stringify(session),
      };
      const linked = link(event, seq, GENESIS);
      const value = JSON.parse(linked.text) as Record<string, Json>;
      assert.equal(canonical(value), linked.text);
      assert.equal(eventHash(value), linked.hash);
      assert.equal(value.hash, linked.hash);
    }),
  );
});

test('effects that were recorded cannot be changed afterwards, so that the record stays true', () => {
  const mine = { ...effects, reads: ['a.b'] };
  serialiseBody('statement', statement(1, { effects: [mine] }));
  assert.throws(() => mine.reads.push('c.d'), TypeError);
  assert.throws(() => {
    mine.outside = true;
  }, TypeError);
});

/** RFC 6962, section 2.1, as it is written there. */
function mth(leaves: Buffer[]): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(mth(leaves.slice(0, k)), mth(leaves.slice(k)));
}

test('the tree grown leaf by leaf has the root of RFC 6962 at every size, also when it is stored and loaded on the way', () => {
  let tree = new Frontier();
  const leaves: Buffer[] = [];
  for (let i = 0; i < 300; i += 1) {
    assert.deepEqual(tree.root(), mth(leaves));
    const leaf = leafHash(`leaf ${i}`);
    leaves.push(leaf);
    tree.add(leaf);
    if (i % 7 === 0) tree = Frontier.from(tree.size, tree.bytes());
  }
});

test('the hashes are those that other implementations have published', () => {
  assert.equal(
    EMPTY_ROOT.toString('hex'),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
  assert.equal(
    leafHash('').toString('hex'),
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  );
  assert.deepEqual(leafHash(Buffer.from('ß')), leafHash('ß'));
});

test('a stored tree of the wrong length is refused', () => {
  assert.throws(() => Frontier.from(3, Buffer.alloc(32)), RangeError);
});

test('tiles lie where tlog-tiles puts them', () => {
  assert.equal(tilePath(0, 1234067, 256), 'tile/0/x001/x234/067');
  assert.equal(tilePath('entries', 0, 12), 'tile/entries/000.p/12');
  assert.equal(tilePath(2, 1000, 256), 'tile/2/x001/000');
});

test('a checkpoint survives its way through a note, and its signature is over exactly this text', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = noteKey('example.dev/log', publicKey);
  const note = signCheckpoint({ origin: key.name, size: 7, root: leafHash('x') }, key, privateKey);
  const signed = parseCheckpoint(note);
  assert.equal(signed.checkpoint.size, 7);
  assert.equal(signatureFault(signed, parseVerifierKey(verifierKey(key))), null);
  const other = noteKey('example.dev/log', generateKeyPairSync('ed25519').publicKey);
  assert.match(signatureFault(signed, other) ?? '', /no signature/);
  const cosigned = parseCheckpoint(`${note}— witness.example AAAAAAAAAAAA\n`);
  assert.equal(signatureFault(cosigned, key), null, 'signatures of others are ignored');
  const spoilt = parseCheckpoint(note.replace('\n7\n', '\n8\n'));
  assert.match(signatureFault(spoilt, key) ?? '', /does not verify/);
});

test('malformed checkpoints and keys are refused with a sentence', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = noteKey('example.dev/log', publicKey);
  const good = signCheckpoint({ origin: key.name, size: 7, root: leafHash('x') }, key, privateKey);
  for (const bad of [
    '',
    'x',
    '\n\n',
    good.replace('\n7\n', '\n07\n'),
    good.replace('\n7\n', '\n-7\n'),
    good.replace('— ', '- '),
  ])
    assert.throws(() => parseCheckpoint(bad), TypeError, JSON.stringify(bad));
  assert.throws(() => parseCheckpoint(good.replace('\n\n', '\nextension\n\n')), TypeError);
  const respelled = good.replace(
    /(.)=\n$/,
    (_, c: string) => `${String.fromCharCode(c.charCodeAt(0) + 1)}=\n`,
  );
  assert.throws(() => parseCheckpoint(respelled), TypeError);
  const line = verifierKey(key);
  for (const bad of ['', 'x+y+z', line.replace('example', 'elsewhere'), line.slice(0, -8)])
    assert.throws(() => parseVerifierKey(bad), TypeError, JSON.stringify(bad));
  assert.throws(() => noteKey('a b', publicKey), TypeError);
});

test('waiters are called in the order of their tickets, once, and fail when their time is up', () => {
  const waiters = new Waiters();
  const called: string[] = [];
  const wait = (ticket: number, until: number) =>
    waiters.add(ticket, until, fault => called.push(`${ticket}${fault === null ? '' : '!'}`));
  wait(3, 10);
  wait(1, 20);
  wait(2, 30);
  waiters.settle(1);
  assert.deepEqual(called, ['1']);
  assert.deepEqual(
    waiters.expire(10, () => new Error('late')),
    { expired: 1, next: 30 },
  );
  assert.deepEqual(called, ['1', '3!']);
  waiters.settle(3);
  assert.deepEqual(called, ['1', '3!', '2']);
  assert.equal(waiters.size, 0);
  for (let i = 0; i < 10_000; i += 1) wait(i, 50);
  waiters.settle(9_998);
  assert.equal(waiters.size, 1);
  assert.equal(waiters.expire(49, () => new Error('late')).next, 50);
});

test('the time of an event is that of the clock, whichever way the clock goes', () => {
  let now = 0;
  const lines = new EventLines(() => now);
  const begin = Date.UTC(2030, 0, 1, 23, 59, 58);
  for (const step of [0, 1, 9, 90, 899, 999, 1000, 1001, 2500, 1999, 5, 0, 86_400_000, -1, -86_400_000, 7]) {
    now = begin + step;
    const into = new JsonBytes(Buffer.alloc(8), 5);
    lines.write(into, 's', 'forward', { n: 1 });
    lines.write(into, 's', 'session.close', { reason: '', statements: 1 });
    const times = into.bytes
      .toString('utf8', 5, into.at)
      .split('\n')
      .slice(0, 2)
      .map(line => line.split('\t')[0]);
    assert.deepEqual(times, Array(2).fill(new Date(now).toISOString()));
  }
});

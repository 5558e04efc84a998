import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLinker } from '#proxy/local/event-linker.ts';
import { canonical } from '#schemas/canonical.ts';
import { eventHash, GENESIS, leafData, link } from '#schemas/chain.ts';
import { journalEvents, journalLine } from '#schemas/journal-lines.ts';
import { leafHash } from '#schemas/merkle.ts';

const AT = '2026-01-02T03:04:05.678Z';

/** Lines as the proxy writes them: kinds, sessions and bodies of every sort and size. */
function lines(): string[] {
  const texts = [
    '',
    'select 1',
    'a\tb\nc\r"\\',
    'Grüße, 日本語 🐘',
    '\ud800 alone',
    '\u0000',
    'x'.repeat(100_000),
    'é'.repeat(9_000),
  ];
  const sessions = [
    's',
    '0199a5c4-1f0e-7000-8000-000000000001',
    'with "quotes" and Ümläut',
    'y'.repeat(5_000),
  ];
  const all: string[] = [];
  for (const session of sessions)
    for (const [n, text] of texts.entries())
      for (const kind of ['statement', 'forward', 'session.close', 'session.open', 'hold'])
        all.push(journalLine(AT, kind, JSON.stringify(session), canonical({ n, text })));
  return all;
}

test('events linked as bytes are the events that everybody else links as text', () => {
  const linker = new EventLinker();
  const all = lines();
  for (const payload of [all.join(''), ...all, all.slice(3, 5).join('')]) {
    linker.begin(Buffer.from(payload));
    let prev = GENESIS;
    let seq = 0;
    const kept: [Buffer, string][] = [];
    for (const event of journalEvents(payload)) {
      assert.ok(linker.next());
      assert.equal(linker.session, event.session);
      assert.equal(linker.closes, event.kind === 'session.close');
      const { text, hash } = link(event, seq, prev);
      const linked = linker.link(seq, prev);
      assert.equal(linked.hash, hash);
      kept.push([linked.text, text]);
      assert.ok(linker.leaf(seq, hash).equals(leafHash(leafData(event.session, seq, hash))));
      const read = JSON.parse(text) as { [key: string]: unknown };
      assert.equal(eventHash(read), hash);
      prev = hash;
      seq += seq === 0 ? 1 : seq * 7;
      if (!Number.isSafeInteger(seq)) seq = 1;
    }
    assert.ok(!linker.next());
    for (const [bytes, text] of kept) assert.equal(bytes.toString('utf8'), text);
    linker.forget();
  }
});

test('an empty payload has no events, and a line that is cut off is an error wherever it is cut', () => {
  const linker = new EventLinker();
  linker.begin(Buffer.alloc(0));
  assert.ok(!linker.next());
  const line = journalLine(AT, 'forward', '"s"', '{"n":1}');
  for (let length = 1; length < line.length; length += 1) {
    linker.begin(Buffer.from(line.slice(0, length)));
    assert.throws(() => linker.next(), /not whole/);
  }
});

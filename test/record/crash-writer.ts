import { openLedger } from '#proxy/local/ledger.ts';
import { opened, outcome, statement } from './support.ts';

/**
 * Run by crash.test.ts as a process of its own: writes sessions without end and prints, for each event that was reported durable,
 * `session n`. Whatever is printed must survive any kill.
 */
/** Small, so that its two files change places often. */
const JOURNAL = 128 << 10;
const [file, keyFile, name] = process.argv.slice(2);
if (file === undefined || keyFile === undefined || name === undefined)
  throw new Error('crash-writer FILE KEYFILE NAME');
const ledger = await openLedger({ file, keyFile, journal: JOURNAL });
for (let s = 0; ; s += 1) {
  const session = `${name}-${s}`;
  ledger.append(session, 'session.open', opened);
  for (let n = 1; n <= 40; n += 1) {
    ledger.append(session, 'statement', statement(n));
    ledger.append(session, 'forward', { n });
    const ticket = ledger.append(session, 'outcome', outcome(n));
    ledger.whenDurable(ticket, fault => {
      if (fault !== null) throw fault;
      process.stdout.write(`${session} ${n}\n`);
    });
    if (n % 4 === 0) await new Promise(setImmediate);
    // Idle now and then, so that kills also meet the sealing of a quiet ledger.
    if (n === 40 && s % 7 === 0) await new Promise(done => setTimeout(done, 30));
  }
  ledger.append(session, 'session.close', { reason: 'done', statements: 40 });
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { exportAudit } from '#functions/local/audit-export.ts';
import { verifyExport } from '#functions/local/audit-import.ts';
import { openAuditReader, readKey } from '#functions/local/audit-reader.ts';
import type { AuditReader, VerifyReport } from '#functions/ports.ts';
import { LEDGER_SESSION } from '#schemas/chain.ts';
import type { NoteKey } from '#schemas/checkpoint.ts';
import { replayText, reportText, sessionsText, showText } from './audit-text.ts';
import { visible } from './visible.ts';

interface Options {
  data: string;
  json?: true;
  key?: string;
  export?: string;
}

/** `holdpoint audit`: reads the ledger of DIR (DIR/ledger.db, DIR/keys/ledger.key.pub), also while it is being written. */
export function auditCommand(): Command {
  const command = new Command('audit').description('read the record, and prove it');
  const common = (sub: Command) =>
    sub
      .option('--data <dir>', "dev's data folder", '.holdpoint')
      .option('--json', 'print JSON')
      .option('--key <file>', 'public key of the log, kept by yourself; default: the one in the data folder');

  common(command.command('sessions'))
    .description('all sessions, newest first')
    .action(
      report(async (options: Options) => {
        const sessions = await reading(options, reader => reader.sessions());
        print(sessions, options, () => sessionsText(sessions));
      }),
    );
  for (const [name, text, what] of [
    ['show', showText, 'every event of one session, as it is recorded'],
    ['replay', replayText, 'what happened in one session, in order'],
  ] as const)
    common(command.command(name))
      .argument('<session>', 'its id, or an unambiguous beginning of it')
      .description(what)
      .action(
        report(async (session: string, options: Options) => {
          const events = await reading(options, async reader => reader.events(await find(reader, session)));
          print(events, options, () => text(events));
        }),
      );
  common(command.command('verify'))
    .description('prove that nothing is altered, missing, reordered, forked or unsigned')
    .option('--export <dir>', 'prove an export instead, without any database')
    .action(
      report(async (options: Options) => {
        const proof =
          options.export === undefined
            ? await reading(options, reader => reader.verify())
            : await verifyExport(options.export, exportKey(options.export, options.key));
        print(proof, options, () =>
          reportText(proof, options.export !== undefined && options.key === undefined),
        );
        if (!proven(proof)) process.exitCode = 1;
      }),
    );
  common(command.command('export'))
    .argument('<dir>', 'a new or empty folder')
    .description('write the sealed log so that a stranger can verify it offline')
    .action(
      report(async (dir: string, options: Options) => {
        const written = await exportAudit(ledger(options), dir, {
          publicFile: keyFile(options),
          decisionKeyFile: join(options.data, 'keys', 'decision.pub'),
        });
        print({ ...written, dir }, options, () => {
          const counts = `${written.events} events and ${written.checkpoints} checkpoints`;
          return `${counts} are in ${dir}\nhand it over; prove it with: holdpoint audit verify --export ${dir} --key FILE\n`;
        });
      }),
    );
  return command;
}

/** Errors are one sentence on stderr and exit code 1. */
function report<A extends unknown[]>(action: (...args: A) => Promise<void>) {
  return async (...args: [...A, Command]): Promise<void> => {
    const command = args.at(-1) as Command;
    try {
      await action(...(args.slice(0, -1) as A));
    } catch (error) {
      command.error(`holdpoint audit: ${visible(error instanceof Error ? error.message : String(error))}`);
    }
  };
}

function print(value: unknown, { json }: Options, text: () => string): void {
  process.stdout.write(json === true ? `${JSON.stringify(value, null, 2)}\n` : text());
}

function ledger({ data }: Options): string {
  // A folder whose dev runs on emulators may hold a ledger of another time.
  if (
    existsSync(join(data, 'dev.json')) &&
    /"emulators":true/.test(readFileSync(join(data, 'dev.json'), 'utf8'))
  )
    throw new Error(
      'dev runs on emulators here: its record is in Pub/Sub, and can be seen on the page that dev names',
    );
  return join(data, 'ledger.db');
}

function keyFile({ data, key }: Options): string {
  return key ?? join(data, 'keys', 'ledger.key.pub');
}

function exportKey(dir: string, key?: string): NoteKey | null {
  return key === undefined ? readKey(join(dir, 'key.pub')) : readKey(key, { required: true });
}

async function reading<T>(options: Options, read: (reader: AuditReader) => Promise<T>): Promise<T> {
  if (options.key !== undefined) readKey(options.key, { required: true });
  const reader = openAuditReader(ledger(options), { keyFile: keyFile(options) });
  try {
    return await read(reader);
  } finally {
    reader.close();
  }
}

async function find(reader: AuditReader, beginning: string): Promise<string> {
  const all = [...(await reader.sessions()).map(s => s.session), LEDGER_SESSION];
  const matches = all.includes(beginning) ? [beginning] : all.filter(s => s.startsWith(beginning));
  if (matches[0] === undefined) throw new Error(`there is no session ${beginning}`);
  if (matches.length > 1)
    throw new Error(`${beginning} is the beginning of ${matches.length} sessions: say more of it`);
  return matches[0];
}

function proven(proof: VerifyReport): boolean {
  return proof.findings.length === 0 && proof.unsealed === 0;
}

import { Command, InvalidArgumentError } from 'commander';
import type { Dev } from './dev/options.ts';

interface Flags {
  readonly data: string;
  readonly pgPort: number;
  readonly httpPort: number;
  readonly policy?: string;
  readonly target?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly emulators?: boolean;
  readonly json?: boolean;
}

/** `holdpoint dev`: everything on one machine, until Ctrl-C. */
export function devCommand(): Command {
  return new Command('dev')
    .description('run everything on this machine: proxy, inbox page, ledger and a sample database')
    .option('--data <dir>', 'where ledger, keys and the sample database live', '.holdpoint')
    .option('--pg-port <port>', 'where agents connect, on 127.0.0.1', port, 6432)
    .option('--http-port <port>', 'where the inbox page is, on 127.0.0.1', port, 8080)
    .option('--policy <file>', 'policy instead of the sample one')
    .option(
      '--target <url>',
      'your own Postgres instead of the sample shop: postgres://user:password@host:port/database',
    )
    .option('--tls-cert <file>', 'offer TLS to agents: certificate, with intermediates behind it (PEM)')
    .option('--tls-key <file>', 'its key (PEM); both files are read again when they change')
    .option(
      '--emulators',
      'run it as in the cloud: Firestore and Pub/Sub emulators, the functions, a Slack to press buttons in',
    )
    .option('--json', 'print one line of JSON when ready, and nothing else to stdout')
    .addHelpText(
      'after',
      `
Examples:
  holdpoint dev
  holdpoint dev --data /tmp/try --pg-port 7432 --http-port 7480
  holdpoint dev --emulators
  holdpoint dev --target postgres://app:secret@db.internal/orders --policy policy.yaml`,
    )
    .action(async (flags: Flags) => {
      const say = (line: string) => process.stderr.write(`${line}\n`);
      // Each is loaded when it is asked for: Google's libraries are large.
      const start = flags.emulators
        ? (await import('./dev/emulated.ts')).startEmulated
        : (await import('./dev/start.ts')).startDev;
      const dev = await start({
        data: flags.data,
        pgPort: flags.pgPort,
        httpPort: flags.httpPort,
        policy: flags.policy,
        target: flags.target,
        tls: tlsFiles(flags),
        log: say,
        env: process.env,
      });
      let stopping = false;
      const stop = () => {
        if (stopping) process.exit(1);
        stopping = true;
        say(
          flags.emulators
            ? 'stopping: holds are withdrawn, the emulators forget everything (once more to stop at once)'
            : 'stopping: holds are withdrawn, the ledger is sealed (once more to stop at once)',
        );
        dev.stop().then(
          () => process.exit(0),
          error => {
            say(`stopped with a fault: ${String(error)}`);
            process.exit(1);
          },
        );
      };
      process.on('SIGINT', stop).on('SIGTERM', stop);
      process.stdout.write(flags.json === true ? `${readyLine(dev)}\n` : welcome(dev, flags));
    });
}

function tlsFiles({ tlsCert: cert, tlsKey: key }: Flags) {
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert === undefined && key === undefined) return undefined;
  throw new Error('--tls-cert and --tls-key belong together');
}

function readyLine({ pg, http, data, issuer, slack, tunnel }: Dev): string {
  return JSON.stringify({ ready: true, pg, http, data, issuer, slack, tunnel });
}

function welcome(dev: Dev, { data }: Flags): string {
  const where = data === '.holdpoint' ? '' : ` --data ${data}`;
  return `
Holdpoint is ready.

  agents connect to   ${dev.pg}
  the inbox page is   ${dev.http}
${dev.slack === undefined ? '' : `  Slack is            ${dev.slack}\n  tunnels lead to     ${dev.tunnel}\n`}  policy              ${dev.policy}
  ${dev.slack === undefined ? 'ledger and keys ' : 'keys            '}    ${dev.data}

Connect as an agent; the password is a token:

  PGPASSWORD=$(npx holdpoint token --subject agent-1 --email agent-1@example.com${where}) psql '${dev.pg}'

Then try:

  select * from customers limit 5;          -- protected columns are masked
  delete from payments where id = 7;        -- small and keyed: runs
  delete from payments;                     -- held: approve or deny it ${dev.slack === undefined ? 'on the inbox page' : 'in Slack'}, or with
                                            --   npx holdpoint approvals list${where}
  copy customers to program 'cat';          -- refused
${dev.slack === undefined ? `  npx holdpoint audit verify${where}${' '.repeat(Math.max(1, 16 - where.length))}-- and all of it is in a record that proves itself\n` : ''}
Ctrl-C stops everything.
`;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value > 65535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return value;
}

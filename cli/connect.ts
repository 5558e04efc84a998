import { Command, Option } from 'commander';
import { listenForClients } from './connect-listen.ts';
import { createTokens, type TokenSource } from './connect-token.ts';
import { tunnelAddress } from './connect-tunnel.ts';

/** Cloud Run's check takes Google's tokens only. */
const IAM_SOURCES = ['gcp-metadata', 'gcp-default'] as const;
const SOURCES = [...IAM_SOURCES, 'github-actions'] as const;

interface Flags {
  readonly url: string;
  readonly listen: string;
  readonly tokenFile?: string;
  readonly tokenCommand?: string;
  readonly tokenEnv?: string;
  readonly tokenSource?: (typeof SOURCES)[number];
  readonly audience?: string;
  readonly iamTokenFile?: string;
  readonly iamTokenCommand?: string;
  readonly iamTokenEnv?: string;
  readonly iamTokenSource?: (typeof IAM_SOURCES)[number];
  readonly json?: boolean;
}

const WAYS = '--token-file, --token-command, --token-env or --token-source';

/** `holdpoint connect`: the near end of the tunnel, until Ctrl-C. */
export function connectCommand(): Command {
  return new Command('connect')
    .description('open a local port for Postgres clients, whose connections go through the tunnel to a proxy')
    .requiredOption('--url <url>', 'the address of the proxy: https://…')
    .option('--listen <where>', 'loopback host:port, or a directory for a Unix socket', '127.0.0.1:5432')
    .option('--token-file <file>', 'a file with the token, read for each connection')
    .option('--token-command <command>', 'a shell command that prints the token')
    .option('--token-env <name>', 'an environment variable with the token')
    .addOption(new Option('--token-source <source>', 'where tokens are issued').choices(SOURCES))
    .option('--audience <audience>', 'whom tokens of --token-source are for (default: the origin of --url)')
    .option('--iam-token-file <file>', "for Cloud Run's own check, where it needs another token: from a file")
    .option('--iam-token-command <command>', 'the same from a shell command')
    .option('--iam-token-env <name>', 'the same from an environment variable')
    .addOption(
      new Option('--iam-token-source <source>', 'the same from where Google issues them').choices(
        IAM_SOURCES,
      ),
    )
    .option('--json', 'print one line of JSON when ready')
    .addHelpText(
      'after',
      `
Clients connect without a password and without TLS: the tunnel carries both.

Examples:
  holdpoint connect --url https://holdpoint-abc.run.app --token-source gcp-metadata --audience holdpoint
  holdpoint connect --url https://holdpoint-abc.run.app --token-source gcp-default --audience holdpoint
  holdpoint connect --url https://holdpoint-abc.run.app --token-source github-actions --audience holdpoint --iam-token-source gcp-default
  holdpoint connect --url https://db.example.com --token-file /run/token --listen /tmp/pg
  holdpoint connect --url http://127.0.0.1:8080 --token-command 'npx holdpoint token --subject agent-1'
  psql 'host=127.0.0.1 user=agent dbname=shop'`,
    )
    .action(async (flags: Flags) => {
      const say = (line: string) => void process.stderr.write(`holdpoint connect: ${line}\n`);
      tunnelAddress(flags.url);
      const { app, iam } = sources(flags);
      const tokens = createTokens(app, process.env, Date.now);
      const iamTokens = iam === null ? undefined : createTokens(iam, process.env, Date.now);
      const listening = await listenForClients(flags.listen, { url: flags.url, tokens, iamTokens }, say);
      let stopping = false;
      const stop = () => {
        if (stopping) process.exit(1);
        stopping = true;
        void listening.close().then(() => process.exit(0));
      };
      process.on('SIGINT', stop).on('SIGTERM', stop);
      const ready = { ready: true, listen: listening.at, url: flags.url };
      process.stdout.write(
        flags.json === true
          ? `${JSON.stringify(ready)}\n`
          : `listening on ${listening.at} for ${flags.url} (Ctrl-C ends)\n`,
      );
    });
}

/** The proxy's token, and Cloud Run's where it is another. Throws an Error when not exactly one way to a token is given. */
function sources(flags: Flags): { readonly app: TokenSource; readonly iam: TokenSource | null } {
  const { origin } = new URL(flags.url);
  const audience = flags.audience ?? origin;
  const app = oneOf([
    ...given(flags.tokenFile, flags.tokenCommand, flags.tokenEnv),
    ...(flags.tokenSource === undefined ? [] : [{ kind: flags.tokenSource, audience }]),
  ]);
  if (app === undefined) throw new Error(`give the token in exactly one way: ${WAYS}`);
  if (flags.audience !== undefined && flags.tokenSource === undefined)
    throw new Error('--audience goes with --token-source: any other token has its audience already');
  // Cloud Run wants the service's own address as the audience, whatever the proxy's policy asks for.
  const iam = [
    ...given(flags.iamTokenFile, flags.iamTokenCommand, flags.iamTokenEnv),
    ...(flags.iamTokenSource === undefined ? [] : [{ kind: flags.iamTokenSource, audience: origin }]),
  ];
  if (iam.length > 1) throw new Error('give the token for Cloud Run in one way only');
  if (iam[0] !== undefined) return { app, iam: iam[0] };
  const google = app.kind === 'gcp-metadata' || app.kind === 'gcp-default';
  return { app, iam: google && audience !== origin ? { kind: app.kind, audience: origin } : null };
}

function given(file?: string, command?: string, name?: string): TokenSource[] {
  return [
    ...(file === undefined ? [] : [{ kind: 'file' as const, file }]),
    ...(command === undefined ? [] : [{ kind: 'command' as const, command }]),
    ...(name === undefined ? [] : [{ kind: 'env' as const, name }]),
  ];
}

function oneOf(all: readonly TokenSource[]): TokenSource | undefined {
  return all.length === 1 ? all[0] : undefined;
}

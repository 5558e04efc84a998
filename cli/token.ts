import { Command } from 'commander';
import { openDevIssuer } from './dev-issuer.ts';

interface Options {
  subject: string;
  email?: string;
  group: string[];
  ttl: string;
  data: string;
  json?: true;
}

/** `holdpoint token`: an ID token of dev's own issuer, whether or not dev runs. It is the Postgres password. */
export function tokenCommand(): Command {
  return new Command('token')
    .description("print an ID token of dev's own issuer: the password for a connection through the proxy")
    .requiredOption('--subject <subject>', 'who the token is for')
    .option('--email <email>', 'their e-mail, as verified')
    .option('--group <group>', 'a group; may be repeated', (value, all: string[]) => [...all, value], [])
    .option('--ttl <duration>', 'how long it is valid: 30s, 10m, 2h', '1h')
    .option('--data <dir>', "dev's data folder", '.holdpoint')
    .option('--json', 'print JSON: token, issuer, subject, expires')
    .action(async (options: Options, command: Command) => {
      try {
        const { issuer, mint } = await openDevIssuer(options.data);
        const { subject, email, group: groups, ttl } = options;
        const token = await mint({ subject, email, groups, ttl, now: Date.now() });
        if (options.json !== true) return void process.stdout.write(`${token}\n`);
        const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
        const expires = new Date(claims.exp * 1000).toISOString();
        process.stdout.write(`${JSON.stringify({ token, issuer, subject, expires })}\n`);
      } catch (error) {
        command.error(`holdpoint token: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
}

#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { Command } from 'commander';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `holdpoint needs Node 24, this is ${process.version}: run it with npx, which finds the project's own\n`,
  );
  process.exit(1);
}

// Beside the code and as safe as it: in the folder for temporary files, which Node would take, anybody could have put it there before.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'holdpoint'));

// Each command is loaded when it is asked for: a token is minted without waiting for a proxy.
const program = new Command('holdpoint')
  .description('approval and audit control plane for Postgres')
  .showHelpAfterError('(--help shows what there is)');
const name = process.argv[2] ?? '';
const commands: Record<string, () => Promise<Command>> = {
  dev: async () => (await import('./dev.ts')).devCommand(),
  token: async () => (await import('./token.ts')).tokenCommand(),
  approvals: async () => (await import('./approvals.ts')).approvalsCommand(),
  audit: async () => (await import('./audit.ts')).auditCommand(),
  connect: async () => (await import('./connect.ts')).connectCommand(),
  policy: async () => (await import('./policy.ts')).policyCommand(),
};
const wanted = Object.hasOwn(commands, name) ? [commands[name]!] : Object.values(commands);
for (const load of wanted) program.addCommand(await load());
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`holdpoint: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
  // A command that failed half-way may have left a handle open; nothing of it is wanted any more.
  if (name === 'dev') process.exit(1);
}

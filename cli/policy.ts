import { Command } from 'commander';
import { formatFault } from '#proxy/policy/policy-error.ts';
import { checkPolicy, checkText } from './policy-check.ts';
import { DEV_ISSUER, DEV_TARGET } from './policy-file.ts';
import { visible } from './visible.ts';

interface CheckOptions {
  readonly json?: true;
  readonly strict?: true;
  readonly target: readonly string[];
  readonly issuer: readonly string[];
}

const repeat = (value: string, all: readonly string[]): string[] => [...all, value];

/** `holdpoint policy check | explain | test`: what a policy file says, before any proxy runs with it. */
export function policyCommand(): Command {
  const policy = new Command('policy').description('check a policy file, explain its verdicts, test it');
  policy.addCommand(checkCommand());
  return policy;
}

function checkCommand(): Command {
  return new Command('check')
    .description('read a policy file as the proxy does, and list every fault')
    .argument('<file>')
    .option(
      '--target <name>',
      'a target that the file may use without defining it; may be repeated',
      repeat,
      [],
    )
    .option('--issuer <name>', 'likewise an issuer', repeat, [])
    .option('--strict', `refuse what only \`holdpoint dev\` adds: target ${DEV_TARGET}, issuer ${DEV_ISSUER}`)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  holdpoint policy check policy.yaml
  holdpoint policy check --strict --json policy.yaml

Exit code 0: the file is good. 1: it has faults, each told as file:line:column: path: sentence.`,
    )
    .action(
      report((file: string, options: CheckOptions) => {
        const own = options.strict
          ? { targets: [], issuers: [] }
          : { targets: [DEV_TARGET], issuers: [DEV_ISSUER] };
        const added = {
          targets: [...new Set([...own.targets, ...options.target])],
          issuers: [...new Set([...own.issuers, ...options.issuer])],
        };
        const result = checkPolicy(file, added);
        if (options.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
        else if (result.ok) process.stdout.write(checkText(result));
        if (result.ok) return;
        const lines = result.faults.map(fault => visible(formatFault(file, fault)));
        process.stderr.write(`${lines.join('\n')}\n`);
        process.exitCode = 1;
      }),
    );
}

/** Errors go to stderr, with exit code 1; a PolicyError has its own line per fault. */
function report<A extends unknown[]>(action: (...args: A) => void | Promise<void>) {
  return async (...args: [...A, Command]): Promise<void> => {
    const command = args.at(-1) as Command;
    try {
      await action(...(args.slice(0, -1) as unknown as A));
    } catch (error) {
      const text = visible(error instanceof Error ? error.message : String(error), { lines: true });
      command.error(text.startsWith('holdpoint') ? text : `holdpoint policy ${command.name()}: ${text}`);
    }
  };
}

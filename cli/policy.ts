import { Command } from 'commander';
import { formatFault } from '#proxy/policy/policy-error.ts';
import { type Ask, answerJson, answerText, ask, openCatalog } from './policy-ask.ts';
import { checkPolicy, checkText } from './policy-check.ts';
import { DEV_ISSUER, DEV_TARGET, SAMPLE_POLICY } from './policy-file.ts';
import { type CaseResult, runPolicyCases } from './policy-run.ts';
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
  policy.addCommand(checkCommand()).addCommand(explainCommand()).addCommand(testCommand());
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

function explainCommand(): Command {
  return new Command('explain')
    .description('the verdict on a statement: which rule, what the statement would do, what would be masked')
    .requiredOption('--sql <text>', 'the statement, or several')
    .option(
      '--param <value>',
      'a bind value, shown with the answer; verdicts do not hang on values; may be repeated',
      repeat,
      [],
    )
    .option('--as <subject>', 'who asks', 'agent')
    .option('--email <email>', 'their verified e-mail')
    .option('--group <group>', 'a group of their token; may be repeated', repeat, [])
    .option('--issuer <name>', "whose token it is; default: the policy's first issuer")
    .option('--target <name>', "default: the policy's first target")
    .option('--role <name>', "default: the target's first role")
    .option('--in-transaction', 'inside a transaction block that is open already')
    .option('--search-path <names>', 'schemas, separated by commas; default: the role, then public')
    .option('--policy <file>', 'default: the sample policy', SAMPLE_POLICY)
    .option(
      '--db <url>',
      'read the catalog of this database; without it, tables that are not of the sample shop are unknown',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  holdpoint policy explain --sql 'delete from payments'
  holdpoint policy explain --policy policy.yaml --target ledger --as ci-job-7 --group ci \\
      --sql 'update accounts set open = false where id = $1' --param 7 --db postgres://me@localhost/ledger

Exit code 0 whatever the verdict; 1 where there is none: a faulty policy, SQL that does not parse.`,
    )
    .action(
      report(async ({ json, ...options }: Ask & { readonly json?: true }) => {
        const answer = await ask(options, Date.now());
        process.stdout.write(json ? `${JSON.stringify(answerJson(answer), null, 2)}\n` : answerText(answer));
      }),
    );
}

function testCommand(): Command {
  return new Command('test')
    .description('run test files: cases with SQL and the verdict expected')
    .argument('<file...>')
    .option('--db <url>', 'read the catalog of this database for every target')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
A test file:
  policy: policy.yaml                 # relative to this file
  defaults: { as: ci-job-7, target: shop, role: agent }
  cases:
    - sql: delete from payments
      expect: hold                    # allow, hold or deny
      rule: whole-table-writes        # optional: the rule that says so
    - sql: select email from customers limit 5
      as: someone                     # also: email, groups, issuer, target, role, inTransaction, name
      expect: allow
      masked: [public.customers.email]

Examples:
  holdpoint policy test policy.tests.yaml
  holdpoint policy test --json --db postgres://me@localhost/ledger tests/*.yaml

Exit code 0: every case is as expected. 1: some are not, or a file does not load.`,
    )
    .action(
      report(async (files: readonly string[], options: { readonly db?: string; readonly json?: true }) => {
        const results: CaseResult[] = [];
        for (const file of files)
          results.push(
            ...(await runPolicyCases(
              file,
              async (read, target) => (await openCatalog(read, target, options.db)).analyse,
            )),
          );
        const failed = results.filter(result => result.faults.length > 0);
        if (options.json) {
          const cases = results.map(result => ({ ...result, passed: result.faults.length === 0 }));
          process.stdout.write(
            `${JSON.stringify({ passed: results.length - failed.length, failed: failed.length, cases }, null, 2)}\n`,
          );
        } else
          process.stdout.write(
            `${results.map(caseText).join('')}${results.length - failed.length} passed, ${failed.length} failed\n`,
          );
        if (failed.length > 0) process.exitCode = 1;
      }),
    );
}

function caseText({ file, line, name, verdict, rule, faults }: CaseResult): string {
  const title = visible(name.replace(/\s+/g, ' '));
  if (faults.length === 0) return `pass  ${title} → ${verdict} (${visible(rule)})\n`;
  return `FAIL  ${title}\n${faults.map(fault => `      ${file}:${line}: ${visible(fault)}\n`).join('')}`;
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

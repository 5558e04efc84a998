import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { extendPolicy, loadPolicy } from '#proxy/policy/load.ts';
import { matchesAny } from '#proxy/policy/pattern.ts';
import type { Issuer, Policy, Target } from '#schemas/policy.ts';

/** What `holdpoint dev` adds to a policy, so that its files may speak of them. */
export const DEV_TARGET = 'shop';
export const DEV_ISSUER = 'dev';

/** The policy of the sample shop. */
export const SAMPLE_POLICY = fileURLToPath(new URL('./sample/policy.yaml', import.meta.url));

/** A policy file as the commands of `holdpoint policy` see it. */
export interface PolicyRead {
  /** As the file says it: what the proxy would load. */
  readonly file: Policy;
  /** With stand-ins for what is borrowed: no session can be opened with them, but verdicts can be asked for. */
  readonly policy: Policy;
  readonly borrowed: Added;
}

/** Names of targets and issuers that a file may use without defining them. */
export interface Added {
  readonly targets: readonly string[];
  readonly issuers: readonly string[];
}

/** Reads and checks a policy file. Throws PolicyError, or an Error that says why the file cannot be read. */
export function readPolicyFile(path: string, added: Added): PolicyRead {
  const file = loadPolicy(readText(path), path, { extraTargets: added.targets, extraIssuers: added.issuers });
  const matches = [...file.access, ...file.rules.map(rule => rule.match)];
  const usedTargets = [...matches, ...file.protected].flatMap(match => match.targets ?? []);
  const usedIssuers = matches.flatMap(match => match.principals?.issuers ?? []);
  const borrowed = {
    targets: lacking(added.targets, Object.keys(file.targets), usedTargets),
    issuers: lacking(
      added.issuers,
      file.issuers.map(issuer => issuer.name),
      usedIssuers,
    ),
  };
  const policy = extendPolicy(file, {
    targets: Object.fromEntries(borrowed.targets.map(name => [name, standInTarget(name)])),
    issuers: borrowed.issuers.map(standInIssuer),
  });
  return { file, policy, borrowed };
}

/** Names that the file uses and does not define. A wildcard alone borrows nothing from where there is something of its own. */
function lacking(added: readonly string[], own: readonly string[], used: readonly string[]): string[] {
  return added.filter(
    name => !own.includes(name) && (used.includes(name) || (own.length === 0 && matchesAny(used, name))),
  );
}

function standInTarget(database: string): Target {
  return { host: 'localhost', port: 5432, database, tls: 'disable', weakAuth: [], roles: {} };
}

function standInIssuer(name: string): Issuer {
  return {
    name,
    issuer: `holdpoint:${name}`,
    audience: 'holdpoint',
    algorithms: ['EdDSA'],
    groupsPrefix: '',
    trustEmail: false,
    maxTokenAge: '24h',
  };
}

/** The text of a file. Throws an Error with one sentence. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(cause);
    throw new Error(`${path}: ${why}`, { cause });
  }
}

import { canonical, type Json, sha256 } from '#schemas/canonical.ts';
import { type Policy, type PolicyFile, policyFile } from '#schemas/policy.ts';
import { meaningFaults } from './meaning.ts';
import { formatPath, PolicyError } from './policy-error.ts';
import { shapeFaults } from './shape.ts';
import { type Path, readYaml } from './yaml-source.ts';

/** Names that the file may use though it does not define them, because the caller adds them (see `extendPolicy`). */
export interface LoadOptions {
  readonly extraTargets?: readonly string[];
  readonly extraIssuers?: readonly string[];
}

/**
 * The policy in a YAML text; `fileName` is for messages only. Throws a PolicyError with every fault of the first stage that has
 * any: the YAML itself, then the form (unknown keys, wrong values), then the meaning (names that lead nowhere, rules that can
 * never match, quorums out of reach). The result is frozen throughout.
 */
export function loadPolicy(yamlText: string, fileName: string, options: LoadOptions = {}): Policy {
  const source = readYaml(yamlText, fileName);
  const fail = (faults: readonly { path: Path; key?: string | undefined; message: string }[]): never => {
    const placed = faults.map(({ path, key, message }) => ({
      ...source.position(path, key),
      path: formatPath(path),
      message,
    }));
    throw new PolicyError(fileName, placed);
  };
  if (source.data === null || source.data === undefined)
    return fail([{ path: [], message: 'the file is empty' }]);
  const parsed = policyFile.safeParse(source.data);
  if (!parsed.success) return fail(shapeFaults(policyFile, parsed.error.issues, source.data));
  const faults = meaningFaults(parsed.data, options);
  if (faults.length > 0) return fail(faults);
  return sealPolicy(parsed.data);
}

/**
 * The policy with issuers and targets that its file does not define. They are part of the version: another host is another
 * policy. Throws a TypeError when a name is taken.
 */
export function extendPolicy(policy: Policy, more: Partial<Pick<PolicyFile, 'issuers' | 'targets'>>): Policy {
  const { policyVersion: _, ...file } = policy;
  const issuers = more.issuers ?? [];
  for (const name of Object.keys(more.targets ?? {}))
    if (Object.hasOwn(file.targets, name)) throw new TypeError(`the policy already has a target ${name}`);
  for (const added of issuers)
    if (file.issuers.some(own => own.name === added.name || own.issuer === added.issuer))
      throw new TypeError(`the policy already has an issuer ${added.name} or ${added.issuer}`);
  return sealPolicy({
    ...file,
    issuers: [...file.issuers, ...issuers],
    targets: { ...file.targets, ...more.targets },
  });
}

function sealPolicy(file: PolicyFile): Policy {
  const policyVersion = sha256(canonical(file as unknown as Json));
  // Without a prototype, a start-up packet that asks for the target `constructor` finds nothing.
  const bare = <T>(map: Record<string, T>): Record<string, T> => Object.assign(Object.create(null), map);
  const targets = Object.entries(file.targets).map(([name, target]) => [
    name,
    { ...target, roles: bare(target.roles) },
  ]);
  return freeze({
    ...file,
    groups: bare(file.groups),
    targets: bare(Object.fromEntries(targets)),
    policyVersion,
  });
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const child of Object.values(value)) freeze(child);
  return value;
}

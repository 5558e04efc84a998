import { createLocalSecrets } from '#proxy/local/secrets.ts';
import type { Role, Target } from '#schemas/policy.ts';
import { PROJECT } from './backends.ts';
import type { SecretManagerEmulator } from './secret-manager.ts';

/**
 * The targets with their `env:` and `file:` credentials put into Secret Manager, where the proxy in the cloud looks for them. Rejects with
 * HoldpointError `secret_unavailable` when one of them is not there.
 */
export async function toSecretManager(
  targets: Readonly<Record<string, Target>>,
  env: Readonly<Record<string, string | undefined>>,
  manager: SecretManagerEmulator,
): Promise<Record<string, Target>> {
  const local = createLocalSecrets(env);
  const moved: Record<string, Target> = {};
  for (const [name, target] of Object.entries(targets)) {
    const roles: Record<string, Role> = {};
    for (const [roleName, role] of Object.entries(target.roles)) {
      const next = { ...role };
      for (const key of ['secret', 'certificate', 'key'] as const) {
        const reference = role[key];
        if (reference === undefined || !/^(env|file):/.test(reference)) continue;
        const secret = `projects/${PROJECT}/secrets/${encodeURIComponent(`${name}-${roleName}-${key}`)}`;
        manager.add(secret, (await local.fetch(reference)).password);
        next[key] = secret;
      }
      roles[roleName] = next;
    }
    moved[name] = { ...target, roles };
  }
  return moved;
}

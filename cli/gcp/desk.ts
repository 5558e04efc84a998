import { readConfig } from '#functions/config.ts';
import { CloudDesk } from '#functions/gcp/approval-desk.ts';
import { createChanged } from '#functions/gcp/changed.ts';
import { openClients } from '#functions/gcp/clients.ts';
import { createKmsSigner } from '#functions/gcp/decision-signer.ts';

/** The approvals as the functions have them, from the functions' own environment: for the console and the command line of `dev --emulators`. */
export function openDesk(
  env: Readonly<Record<string, string | undefined>>,
  groupsOf: (email: string) => readonly string[],
  log: (message: string, error?: unknown) => void,
): { readonly desk: CloudDesk; close(): Promise<void> } {
  const config = readConfig(env);
  const { firestore, claims, kms } = openClients(config);
  const changed = createChanged(config.HOLDPOINT_HOLDS_TOPIC);
  const sign = createKmsSigner(kms, config.HOLDPOINT_DECISION_KEY);
  return {
    desk: new CloudDesk({
      database: firestore,
      claims,
      sign,
      groupsOf,
      changed: id => changed.tell(id),
      clock: Date.now,
      log,
    }),
    async close() {
      const databases = [...new Set([firestore, claims])].map(one => one.terminate());
      await Promise.allSettled([...databases, kms.close(), changed.close()]);
    },
  };
}

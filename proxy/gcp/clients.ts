import { Firestore } from '@google-cloud/firestore';
import { KeyManagementServiceClient } from '@google-cloud/kms';
import { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import { credentials } from '@grpc/grpc-js';
import type { ProxyConfig } from '#proxy/config.ts';

/** Google's clients as the configuration says; FIRESTORE_EMULATOR_HOST is looked at by Firestore's own library. */
export interface Clients {
  readonly approvals: Firestore;
  readonly claims: Firestore;
  readonly secrets: SecretManagerServiceClient;
  readonly kms: KeyManagementServiceClient;
  close(): Promise<void>;
}

export function openClients(config: ProxyConfig): Clients {
  const projectId = config.GOOGLE_CLOUD_PROJECT;
  const approvals = new Firestore({ projectId, databaseId: config.HOLDPOINT_DATABASE });
  const own = config.HOLDPOINT_CLAIMS_DATABASE;
  const claims =
    own === undefined || own === config.HOLDPOINT_DATABASE
      ? approvals
      : new Firestore({ projectId, databaseId: own });
  const secrets = new SecretManagerServiceClient(at(config.HOLDPOINT_SECRETS_EMULATOR, projectId));
  const kms = new KeyManagementServiceClient(at(config.HOLDPOINT_KMS_EMULATOR, projectId));
  return {
    approvals,
    claims,
    secrets,
    kms,
    async close() {
      await Promise.allSettled([
        approvals.terminate(),
        ...(claims === approvals ? [] : [claims.terminate()]),
        secrets.close(),
        kms.close(),
      ]);
    },
  };
}

/** An emulator on this machine is spoken to in the clear and without credentials; the configuration lets no other host through. */
function at(emulator: string | undefined, projectId: string) {
  if (emulator === undefined) return { projectId };
  const [apiEndpoint = '', port] = emulator.split(':');
  return { projectId, apiEndpoint, port: Number(port), sslCreds: credentials.createInsecure() };
}

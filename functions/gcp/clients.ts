import { Firestore } from '@google-cloud/firestore';
import { KeyManagementServiceClient } from '@google-cloud/kms';
import { credentials } from '@grpc/grpc-js';
import type { FunctionsConfig } from '../config.ts';

/** Google's clients as the configuration says. Firestore's own FIRESTORE_EMULATOR_HOST is looked at by its library. */
export function openClients(config: FunctionsConfig): {
  readonly firestore: Firestore;
  readonly claims: Firestore;
  readonly kms: KeyManagementServiceClient;
} {
  const projectId = config.GOOGLE_CLOUD_PROJECT;
  const emulator = config.HOLDPOINT_KMS_EMULATOR?.split(':');
  const firestore = new Firestore({ projectId, databaseId: config.HOLDPOINT_DATABASE });
  const own = config.HOLDPOINT_CLAIMS_DATABASE;
  return {
    firestore,
    claims:
      own === undefined || own === config.HOLDPOINT_DATABASE
        ? firestore
        : new Firestore({ projectId, databaseId: own }),
    kms: new KeyManagementServiceClient(
      emulator === undefined
        ? { projectId }
        : {
            projectId,
            apiEndpoint: emulator[0] ?? '',
            port: Number(emulator[1]),
            sslCreds: credentials.createInsecure(),
          },
    ),
  };
}

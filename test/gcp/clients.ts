import { Firestore } from '@google-cloud/firestore';
import { KeyManagementServiceClient } from '@google-cloud/kms';
import { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import { credentials } from '@grpc/grpc-js';

// Nobody asks here who we are, and the library would look for a machine of Google's to ask.
process.env.METADATA_SERVER_DETECTION = 'none';

/** Options of Google's clients for a server on this machine, in the clear and without credentials. */
export function local(host: string) {
  const [apiEndpoint, port] = host.split(':');
  return {
    apiEndpoint: apiEndpoint ?? '',
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    projectId: 'test',
  };
}

export const secretManagerAt = (host: string) => new SecretManagerServiceClient(local(host));
export const kmsAt = (host: string) => new KeyManagementServiceClient(local(host));

/** The database that FIRESTORE_EMULATOR_HOST names. */
export const firestoreOf = (projectId: string, databaseId = '(default)') =>
  new Firestore({ projectId, databaseId });

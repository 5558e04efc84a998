import { BaseExternalAccountClient, GoogleAuth, Impersonated } from 'google-auth-library';

const DEADLINE_MS = 30_000;
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** The one thing that is wanted of Google's many kinds of credentials. */
interface IdTokenProvider {
  fetchIdToken(audience: string): Promise<string>;
}

/**
 * An ID token for `audience` from Google's Application Default Credentials: the file that GOOGLE_APPLICATION_CREDENTIALS names, gcloud's
 * own, or the metadata server. The credentials are found anew each time, since files are rotated. Rejects with an Error of one line; what
 * the library threw is not kept as its cause, because it holds requests with secrets in them.
 */
export async function fromDefaultCredentials(audience: string): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), DEADLINE_MS);
  });
  try {
    return await Promise.race([fetchToken(audience), late]);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown fault';
    throw new Error(`Google's default credentials give no ID token: ${why.slice(0, 300)}`);
  } finally {
    clearTimeout(timer);
  }
}

async function fetchToken(audience: string): Promise<string> {
  // With a project given, the library does not look for one; that takes a permission which an agent need not have.
  const client = await new GoogleAuth({ scopes: SCOPE, projectId: 'none' }).getClient();
  if (gives(client)) return client.fetchIdToken(audience);
  // Workload identity federation has no ID tokens of its own; the service account behind it has, where there is one.
  const account = client instanceof BaseExternalAccountClient ? client.getServiceAccountEmail() : null;
  if (account === null)
    throw new Error(
      'credentials of this kind have none; with workload identity federation the file has to name a service account to impersonate',
    );
  const impersonated = new Impersonated({ sourceClient: client, targetPrincipal: account });
  return impersonated.fetchIdToken(audience);
}

function gives(client: object): client is IdTokenProvider {
  return 'fetchIdToken' in client;
}

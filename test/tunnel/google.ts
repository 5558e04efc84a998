import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { decodeJwt, jwtVerify } from 'jose';
import { type Authority, text } from '#test/tls/authority.ts';

export const ACCOUNT = 'agent@acme.iam.gserviceaccount.com';
const ACCESS = 'ya29.test-access-token';

export interface Google {
  /** What a program needs to take this for Google: a proxy for https, and whom to trust. */
  readonly env: Readonly<Record<string, string>>;
  /** `POST host/path`, in order. */
  readonly seen: readonly string[];
  /** The credential files that Google and gcloud write. */
  readonly files: {
    readonly serviceAccount: object;
    readonly person: object;
    readonly federation: (tokenFile: string) => object;
    readonly federationAlone: (tokenFile: string) => object;
  };
  close(): void;
}

/**
 * Google's token services as its libraries find them: at their real names, over https. A CONNECT proxy leads every name to this process,
 * whose certificate is a test authority's. `mint` gives the ID token for an audience. Requests are checked as Google checks them.
 */
export async function startGoogle(
  authority: Authority,
  mint: (audience: string) => Promise<string>,
): Promise<Google> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const seen: string[] = [];
  const own = authority.issue('google', '*.googleapis.com');

  const token = async (form: URLSearchParams): Promise<object> => {
    if (form.get('grant_type') === 'refresh_token') {
      if (form.get('refresh_token') !== 'refresh') return { error: 'invalid_grant' };
      // Google gives a person's tokens for the program that logged them in.
      return { access_token: ACCESS, expires_in: 3600, id_token: await mint(form.get('client_id') ?? '') };
    }
    const assertion = form.get('assertion') ?? '';
    await jwtVerify(assertion, publicKey, {
      issuer: ACCOUNT,
      audience: 'https://oauth2.googleapis.com/token',
    });
    return { id_token: await mint(String(decodeJwt(assertion).target_audience)) };
  };

  const answer = async (request: IncomingMessage, body: string): Promise<object> => {
    const at = `${request.headers.host}${request.url}`;
    seen.push(`${request.method} ${at}`);
    if (at === 'oauth2.googleapis.com/token') return token(new URLSearchParams(body));
    if (at === 'sts.googleapis.com/v1/token') {
      const form = new URLSearchParams(body);
      return form.get('subject_token') === 'job'
        ? { access_token: ACCESS, expires_in: 3600 }
        : { error: 'no' };
    }
    if (request.headers.authorization !== `Bearer ${ACCESS}`) return { error: 'unauthorized' };
    const prefix = `iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${ACCOUNT}`;
    const expireTime = new Date(Date.now() + 3_600_000).toISOString();
    if (at === `${prefix}:generateAccessToken`) return { accessToken: ACCESS, expireTime };
    if (at === `${prefix}:generateIdToken`)
      return { token: await mint((JSON.parse(body) as { audience: string }).audience) };
    return { error: 'not found' };
  };

  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    const said = await answer(request, body);
    const status = 'error' in said ? 400 : 200;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  };
  const inner = createHttps({ cert: text(own.cert), key: text(own.key) }, (request, response) => {
    respond(request, response).catch(error => {
      response.writeHead(500).end(String(error));
    });
  });
  const proxy = createServer().on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    inner.emit('connection', socket);
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  proxy.unref();
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const federationAlone = (file: string) => ({
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/github',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: 'https://sts.googleapis.com/v1/token',
    credential_source: { file },
  });
  return {
    env: { HTTPS_PROXY: `http://127.0.0.1:${address.port}`, NODE_EXTRA_CA_CERTS: authority.ca },
    seen,
    files: {
      serviceAccount: {
        type: 'service_account',
        project_id: 'acme',
        client_email: ACCOUNT,
        private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
        private_key_id: 'one',
      },
      person: {
        type: 'authorized_user',
        client_id: 'gcloud.apps.googleusercontent.com',
        client_secret: 'public',
        refresh_token: 'refresh',
      },
      federationAlone,
      federation: file => ({
        ...federationAlone(file),
        service_account_impersonation_url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${ACCOUNT}:generateAccessToken`,
      }),
    },
    close: () => proxy.close(),
  };
}

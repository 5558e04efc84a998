import { GoogleAuth } from 'google-auth-library';
import { z } from 'zod';
import type { GroupResolver } from '#proxy/ports.ts';
import { lowerEmail } from '#schemas/email.ts';
import { HoldpointError } from '#schemas/errors.ts';

export interface CloudIdentityOptions {
  /** Headers that prove to Google who asks. */
  readonly authorise: (url: string) => Promise<Headers>;
  /** Default: Google's. */
  readonly endpoint?: string;
  /** For all pages together; milliseconds. */
  readonly deadlineMs?: number;
}

const SCOPE = 'https://www.googleapis.com/auth/cloud-identity.groups.readonly';
const PATH = '/v1/groups/-/memberships:searchTransitiveGroups';
const LABEL = 'cloudidentity.googleapis.com/groups.discussion_forum';
const PAGE_SIZE = 1000;
const MAX_PAGES = 20;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

const page = z.object({
  memberships: z
    .array(z.object({ groupKey: z.object({ id: z.string().min(1), namespace: z.string().optional() }) }))
    .default([]),
  nextPageToken: z.string().optional(),
});

/** As the service account of this machine; the credentials are looked for at the first question. */
export function cloudIdentity(): GroupResolver {
  let client: ReturnType<GoogleAuth['getClient']> | null = null;
  return createCloudIdentity({
    authorise: async url => {
      client ??= new GoogleAuth({ scopes: SCOPE }).getClient().catch((error: unknown) => {
        client = null;
        throw error;
      });
      return (await client).getRequestHeaders(url);
    },
  });
}

/**
 * The groups of somebody in Cloud Identity or Google Workspace, by e-mail, directly or through other groups; each is its e-mail address in
 * lower case. All of them or none: a list that cannot be read to its end is a failure. Rejects with HoldpointError `groups_unavailable`.
 * Source: Cloud Identity API, groups.memberships.searchTransitiveGroups.
 */
export function createCloudIdentity(options: CloudIdentityOptions): GroupResolver {
  const { authorise, endpoint = 'https://cloudidentity.googleapis.com', deadlineMs = 5000 } = options;

  async function search(email: string, signal: AbortSignal): Promise<string[]> {
    const groups = new Set<string>();
    let token: string | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const url = new URL(PATH, endpoint);
      url.searchParams.set('query', `member_key_id == '${celText(email)}' && '${LABEL}' in labels`);
      url.searchParams.set('pageSize', String(PAGE_SIZE));
      if (token !== undefined) url.searchParams.set('pageToken', token);
      const { memberships, nextPageToken } = await fetchPage(url, signal);
      // A key with a namespace is of another directory that is mapped in, where anything may be called like one of our groups.
      for (const { groupKey } of memberships)
        if (groupKey.namespace === undefined || groupKey.namespace === '')
          groups.add(lowerEmail(groupKey.id));
      if (nextPageToken === undefined || nextPageToken === '') return [...groups].sort();
      token = nextPageToken;
    }
    throw unavailable(`Cloud Identity has more than ${MAX_PAGES} pages of groups for one person`);
  }

  async function fetchPage(url: URL, signal: AbortSignal): Promise<z.infer<typeof page>> {
    const headers = await authorise(url.href).catch((cause: unknown) => {
      throw unavailable("the proxy has no credentials for Cloud Identity's API", cause);
    });
    signal.throwIfAborted();
    const response = await fetch(url, { headers, signal, redirect: 'error' });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw unavailable(explain(response.status));
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_PAGE_BYTES) throw unavailable('Cloud Identity answered with too much');
      chunks.push(chunk);
    }
    const body = page.safeParse(parseJson(Buffer.concat(chunks).toString('utf8')));
    if (!body.success) throw unavailable('Cloud Identity did not answer with a list of groups');
    return body.data;
  }

  return {
    async groupsOf(email) {
      const abort = new AbortController();
      const late = unavailable(`Cloud Identity did not answer within ${deadlineMs} ms`);
      const timer = setTimeout(() => abort.abort(late), deadlineMs);
      // Raced, not only aborted: finding credentials does not look at the signal.
      const deadline = new Promise<never>((_, reject) =>
        abort.signal.addEventListener('abort', () => reject(late), { once: true }),
      );
      try {
        return await Promise.race([search(email, abort.signal), deadline]);
      } catch (error) {
        throw error instanceof HoldpointError
          ? error
          : unavailable('Cloud Identity cannot be reached', error);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** As it stands between the quotes of a text in the query's language (CEL); `o'brien@example.com` is an address. */
function celText(text: string): string {
  return text.replace(/[\\']/g, found => `\\${found}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function explain(status: number): string {
  switch (status) {
    case 401:
      return "Cloud Identity does not take the proxy's credentials (401)";
    case 403:
      return "Cloud Identity refuses the search (403): it needs an edition that has it (Workspace Enterprise Standard or Plus, Enterprise for Education, Cloud Identity Premium), the API switched on in the project, and the admin role Groups Reader for the proxy's service account";
    case 429:
      return 'Cloud Identity has been asked too often (429)';
    default:
      return `Cloud Identity answered ${status}`;
  }
}

function unavailable(detail: string, cause?: unknown): HoldpointError {
  return new HoldpointError('groups_unavailable', undefined, { detail, cause });
}

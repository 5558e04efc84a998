import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { sha256 } from '#schemas/canonical.ts';

/** The header in which the page sends the token that `/api/me` gave it. */
export const TOKEN_HEADER = 'x-holdpoint-token';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Null when the Host header names this machine's loopback and the port that the request came in on; otherwise why not. A page of
 * another site can make its own name resolve to 127.0.0.1 and is then same-origin for the browser (DNS rebinding), but it cannot
 * make the browser send another Host than that name.
 */
export function hostFault(host: string | undefined, port: number): string | null {
  const names = LOOPBACK.flatMap(name => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  if (host !== undefined && names.includes(host.toLowerCase())) return null;
  return `open this page as http://127.0.0.1:${port}/ or http://localhost:${port}/: it answers to no other name`;
}

/**
 * Null when nothing says that another site is behind the request. `change` asks for proof (the Origin must be there); a read
 * only refuses proof of the contrary, since browsers send no Origin with same-origin GETs.
 * @see https://www.w3.org/TR/fetch-metadata/ and RFC 6454
 */
export function siteFault(headers: IncomingHttpHeaders, kind: 'read' | 'change'): string | null {
  const site = headers['sec-fetch-site'];
  const origin = headers.origin;
  const own = origin !== undefined && origin === `http://${headers.host?.toLowerCase()}`;
  if (origin !== undefined && !own) return 'the request comes from another origin';
  if (site !== undefined && site !== 'same-origin' && !(kind === 'read' && site === 'none'))
    return 'the request comes from another site';
  if (kind === 'change' && !own)
    return 'a change needs a same-origin request of the page, or a bearer token from the command line';
  return null;
}

/** True when `Authorization` carries exactly this bearer token. Takes the same time whatever differs. */
export function isBearer(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +([^ ]+)$/i.exec(authorization ?? '')?.[1];
  return given !== undefined && token !== '' && same(given, token);
}

/**
 * The tokens that bind a change to a browser in which the page has been opened: the token is an HMAC of the browser's cookie, so
 * nothing has to be kept, and a restart (a new key) makes the page ask again.
 */
export function createBrowserTokens(newToken: () => string) {
  const key = newToken();
  const cookieName = (port: number) => `holdpoint_${port}`;
  const tokenFor = (cookie: string) => createHmac('sha256', key).update(cookie).digest('base64url');
  const cookieOf = (headers: IncomingHttpHeaders, port: number): string | null => {
    const prefix = `${cookieName(port)}=`;
    const found = (headers.cookie ?? '').split(/; */).find(part => part.startsWith(prefix));
    const value = found?.slice(prefix.length) ?? '';
    return /^[0-9a-f]{64}$/.test(value) ? value : null;
  };
  return {
    /** What tells this browser from others, if it has opened the page. */
    browserOf: cookieOf,
    /** The token for this browser, and the Set-Cookie that it needs with it. The name has the port: cookies do not tell ports apart. */
    issue(headers: IncomingHttpHeaders, port: number): { token: string; setCookie: string } {
      const cookie = cookieOf(headers, port) ?? sha256(newToken());
      return {
        token: tokenFor(cookie),
        setCookie: `${cookieName(port)}=${cookie}; Path=/; HttpOnly; SameSite=Strict`,
      };
    },
    /** True when cookie and token header of the request belong together. */
    accepts(headers: IncomingHttpHeaders, port: number): boolean {
      const cookie = cookieOf(headers, port);
      const token = headers[TOKEN_HEADER];
      return cookie !== null && typeof token === 'string' && same(token, tokenFor(cookie));
    },
  };
}

function same(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
}

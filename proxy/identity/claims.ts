import type { JWTPayload } from 'jose';
import { lowerEmail } from '#schemas/email.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { type Issuer, seconds } from '#schemas/policy.ts';
import { claimAt } from './claim-at.ts';
import { isPlain } from './plain-text.ts';
import { unmetClaim } from './required-claims.ts';
import { runLink } from './run-link.ts';

/** What a token proves, read from claims whose signature has been verified. */
export interface VerifiedToken {
  /** The exact `iss` claim. */
  readonly issuer: string;
  /** The issuer's name in the policy. */
  readonly issuerName: string;
  readonly subject: string;
  /** Lower-cased; only where the issuer vouches for it. */
  readonly email?: string;
  /** Other addresses that it names, which nobody vouches for: lower-cased, sorted. They give no right; whoever has one is not somebody else. */
  readonly claimedEmails?: readonly string[];
  /** Prefixed, sorted, without duplicates. */
  readonly claimGroups: readonly string[];
  /** Unix seconds: `exp`, or `iat` plus the issuer's longest token age where that is sooner. */
  readonly expires: number;
  readonly run?: string;
}

/** Only claims that are what they should be; a claim of another shape refuses the token (`token_invalid`) rather than count as absent. */
export function readClaims(claims: JWTPayload, issuer: Issuer): VerifiedToken {
  const { sub, exp, iat, aud } = claims;
  if (typeof sub !== 'string' || sub === '' || sub.length > 255 || !isPlain(sub))
    throw invalid('its subject is not a text of 1 to 255 visible characters');
  if (typeof exp !== 'number' || typeof iat !== 'number') throw invalid('it lacks exp or iat');
  // OpenID Connect Core 1.0, 3.1.3.7: an additional audience could replay the token here.
  if (aud !== issuer.audience && !(Array.isArray(aud) && aud.every(a => a === issuer.audience)))
    throw invalid('it is meant for other audiences too');
  // A logout token (OpenID Connect Back-Channel Logout 1.0, 2.4) differs from an ID token by this claim alone.
  if (Object.hasOwn(claims, 'events')) throw invalid('it is not an ID token');
  const email = readEmail(claims, issuer);
  const unmet = unmetClaim(claims, issuer.claims ?? {}, email);
  if (unmet !== null) throw invalid(`the policy does not take its claim ${unmet}`);
  const run = runLink(claims, issuer.issuer);
  return {
    issuer: issuer.issuer,
    issuerName: issuer.name,
    subject: sub,
    claimGroups: readGroups(claims, issuer),
    expires: Math.floor(Math.min(exp, iat + seconds(issuer.maxTokenAge))),
    ...(email === undefined ? {} : { email }),
    ...claimedEmails(claims, email),
    ...(run === undefined ? {} : { run }),
  };
}

/** Where issuers put addresses: OpenID Connect Core 1.0, 5.1, and Microsoft's. */
const ADDRESSES = ['email', 'preferred_username', 'upn', 'unique_name'] as const;

function claimedEmails(
  claims: JWTPayload,
  verified: string | undefined,
): Pick<VerifiedToken, 'claimedEmails'> {
  const named = ADDRESSES.map(name => (Object.hasOwn(claims, name) ? claims[name] : undefined))
    .filter(value => isAddress(value))
    .map(lowerEmail);
  const others = [...new Set(named)].filter(one => one !== verified).sort();
  return others.length === 0 ? {} : { claimedEmails: others };
}

function isAddress(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= 320 && /^[^\s@]+@[^\s@]+$/.test(value) && isPlain(value)
  );
}

function readEmail(claims: JWTPayload, issuer: Issuer): string | undefined {
  const email = Object.hasOwn(claims, 'email') ? claims.email : undefined;
  if (typeof email !== 'string' || email === '') return undefined;
  if (claims.email_verified !== true && !issuer.trustEmail) return undefined;
  if (!isAddress(email)) throw invalid('its email is none');
  return lowerEmail(email);
}

function readGroups(claims: JWTPayload, issuer: Issuer): string[] {
  const name = issuer.groupsClaim;
  if (name === undefined) return [];
  // Too many groups for a token: the issuer leaves them out and says so (OpenID Connect Core 1.0, 5.6.2). Rules that name
  // groups cannot be judged then.
  const elsewhere = claims._claim_names;
  if (typeof elsewhere === 'object' && elsewhere !== null && Object.hasOwn(elsewhere, name))
    throw invalid(`its groups are not in the token (claim ${name} is distributed)`);
  const value = claimAt(claims, name);
  if (value === undefined) return [];
  const list = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list) || !list.every(g => typeof g === 'string' && g !== '' && isPlain(g)))
    throw invalid(`its claim ${name} is not a list of group names`);
  return [...new Set(list.map(g => `${issuer.groupsPrefix}${g}`))].sort();
}

/** The detail says what is wrong with the token, and never repeats any of it. */
export function invalid(why: string): HoldpointError {
  return new HoldpointError('token_invalid', `the token was not accepted: ${why}`);
}

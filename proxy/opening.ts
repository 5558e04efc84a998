import type { AuditBody } from '#schemas/audit.ts';
import type { Principal } from '#schemas/principal.ts';
import type { Admitted } from './admission.ts';
import type { Entrance } from './door/entrance.ts';
import type { Entry, Grant } from './entry.ts';
import type { StartupParameters } from './session/parameters.ts';

/** One agent's connection before it is a session. */
export interface Newcomer {
  readonly entrance: Entrance;
  readonly address: string;
  /** Aborts when the connection is over before the session has begun. */
  readonly signal: AbortSignal;
  /** Who it is where that has been proven before. */
  readonly known: Principal | undefined;
  /** It has proven who it is, or never will. */
  readonly proven: () => void;
  /** Takes it out of the count of its principal's connections. */
  leave: () => void;
  /** The agent has closed its side. */
  readonly gone: () => void;
  /** It waits for people now, who take longer than a start-up may; or it does not any more. */
  patience: (waits: boolean) => void;
  /** AuthenticationOk was sent, because something had to be said behind it. */
  welcomed: boolean;
  started: boolean;
}

/** What let a session in that people had to approve. */
export interface Approved {
  readonly entry: Entry;
  readonly grant: Grant;
}

export interface Opening {
  readonly id: string;
  readonly newcomer: Newcomer;
  readonly arrival: NonNullable<AuditBody<'session.open'>['arrival']>;
  readonly asked: StartupParameters;
  readonly seat: Admitted;
  /** Cancel keys are 4 bytes up to protocol 3.1, longer from 3.2 on. */
  readonly longKey: boolean;
}

/** The first event of its session. */
export function openBody(
  { asked, arrival, newcomer, seat }: Opening,
  policyVersion: string,
  credential: string,
): AuditBody<'session.open'> {
  return {
    access: seat.access.name,
    address: newcomer.address,
    arrival,
    application: asked.application,
    ...(seat.principal.claimedEmails === undefined ? {} : { claimedEmails: seat.principal.claimedEmails }),
    credential,
    database: seat.target.database,
    ...(seat.principal.directory === undefined ? {} : { directory: seat.principal.directory }),
    email: seat.principal.email ?? null,
    groups: seat.principal.groups,
    issuer: seat.principal.issuer,
    policyVersion,
    readOnly: seat.access.readOnly,
    role: seat.role,
    settings: Object.fromEntries(asked.settings),
    subject: seat.principal.subject,
    target: seat.name,
  };
}

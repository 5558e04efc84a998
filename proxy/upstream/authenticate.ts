import { createHash, randomBytes } from 'node:crypto';
import { BACKEND, decodeFields, encode, int32 } from '#proxy/wire/backend.ts';
import type { Target } from '#schemas/policy.ts';
import { endPointBinding } from './certificate-hash.ts';
import { body, type Exchange, type Message } from './exchange.ts';
import { refusedByServer, unavailable } from './faults.ts';
import { type Binding, clientFinal, clientFirst, verifyServerFinal } from './scram.ts';

export interface Identity {
  readonly user: string;
  /** Null: the role has no secret, and the server is expected to ask for none. */
  readonly password: string | null;
  /** Ways beside SCRAM that the policy lets the server ask for. */
  readonly weakAuth: Target['weakAuth'];
}

/** What the channel gives for binding: the server's certificate, and whether it was verified by name. */
export interface Channel {
  readonly certificate: Buffer | null;
  readonly verified: boolean;
}

const PASSWORD_MESSAGE = 0x70;
/** Codes of the authentication messages. Source: manual 54.7. */
const AUTH = { ok: 0, cleartext: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;

/**
 * From the start-up packet to AuthenticationOk. The server chooses the way, and may choose only SCRAM or what `weakAuth` lists;
 * whoever sits in between can therefore neither ask for the password nor skip the proof of the server.
 */
export async function authenticate(exchange: Exchange, identity: Identity, channel: Channel): Promise<void> {
  const { password, weakAuth } = identity;
  let asked = await request(exchange, identity, false);
  if (asked.code === AUTH.ok) {
    if (password !== null && !weakAuth.includes('trust'))
      throw unavailable('the server let the session in without any proof, which the policy does not expect');
    return;
  }
  if (password === null) throw unavailable('the server asks for a password, and the role has no secret');
  let told = false;
  if (asked.code === AUTH.sasl) {
    await scram(exchange, identity, password, offered(asked.message), channel);
  } else if (asked.code === AUTH.md5 && weakAuth.includes('md5')) {
    await sendSecret(exchange, md5Answer(identity.user, password, asked.message));
  } else if (asked.code === AUTH.cleartext && weakAuth.includes('cleartext')) {
    told = true;
    await sendSecret(exchange, Buffer.from(`${password}\0`, 'utf8'));
  } else {
    throw unavailable(
      `the server asks for an authentication that the policy does not allow (code ${asked.code})`,
    );
  }
  asked = await request(exchange, identity, told);
  if (asked.code !== AUTH.ok) throw unavailable('the server asks for a second authentication');
}

interface Request {
  readonly code: number;
  readonly message: Message;
}

async function request(exchange: Exchange, identity: Identity, told: boolean): Promise<Request> {
  for (;;) {
    const message = await exchange.receive();
    if (message.type === BACKEND.authentication)
      return { code: body(message).uint32('authentication code'), message };
    if (message.type === BACKEND.error)
      throw refusedByServer(decodeFields(message.buffer, message.start, message.end), {
        password: identity.password,
        told,
      });
    if (message.type !== BACKEND.negotiateProtocolVersion)
      throw unavailable('the server sent something else than an authentication request');
    negotiated(message);
  }
}

/** We ask for 3.0 and no extension, so that an honest server has nothing to negotiate down to. */
function negotiated(message: Message): void {
  const reader = body(message);
  const minor = reader.uint32('protocol version') & 0xffff;
  const refused = reader.int32('number of refused options');
  if (minor !== 0 || refused !== 0) throw unavailable('the server does not speak protocol 3.0');
  reader.finish('NegotiateProtocolVersion');
}

/** The list of mechanisms: strings, ended by an empty one. */
function offered(message: Message): string[] {
  const reader = body(message);
  reader.int32('authentication code');
  const mechanisms: string[] = [];
  for (;;) {
    const mechanism = reader.cstring('SASL mechanism');
    if (mechanism === '') break;
    mechanisms.push(mechanism);
  }
  reader.finish('AuthenticationSASL');
  return mechanisms;
}

async function scram(
  exchange: Exchange,
  identity: Identity,
  password: string,
  mechanisms: readonly string[],
  channel: Channel,
): Promise<void> {
  const { mechanism, binding } = choose(mechanisms, channel);
  const nonce = randomBytes(24).toString('base64');
  const first = clientFirst(binding, nonce);
  await exchange.send(encode(PASSWORD_MESSAGE, mechanism, int32(first.length), first));
  const serverFirst = await saslText(exchange, identity, AUTH.saslContinue);
  const proof = await clientFinal(binding, nonce, serverFirst, password);
  await sendSecret(exchange, proof.message);
  verifyServerFinal(await saslText(exchange, identity, AUTH.saslFinal), proof.serverSignature);
}

function choose(mechanisms: readonly string[], channel: Channel): { mechanism: string; binding: Binding } {
  const { certificate } = channel;
  const data = certificate === null ? null : endPointBinding(certificate);
  if (data !== null && mechanisms.includes('SCRAM-SHA-256-PLUS'))
    return { mechanism: 'SCRAM-SHA-256-PLUS', binding: { kind: 'tls-server-end-point', data } };
  if (!mechanisms.includes('SCRAM-SHA-256'))
    throw unavailable('the server offers no SASL mechanism that we know');
  if (data !== null) return { mechanism: 'SCRAM-SHA-256', binding: { kind: 'unused' } };
  // Without a verified name the binding is all that keeps a man in the middle from relaying the exchange, and he picks the certificate.
  if (certificate !== null && !channel.verified)
    throw unavailable("the server's certificate cannot be bound to; it needs tls: verify-full");
  return { mechanism: 'SCRAM-SHA-256', binding: { kind: 'none' } };
}

async function saslText(exchange: Exchange, identity: Identity, expected: number): Promise<string> {
  const { code, message } = await request(exchange, identity, false);
  if (code !== expected) throw unavailable('the server left the SCRAM exchange before it was done');
  const reader = body(message);
  reader.int32('authentication code');
  return reader.bytes(reader.left, 'SASL data').toString('latin1');
}

/** 'md5' + md5(md5(password + user) + salt), in hex. Source: manual 54.2.1, "AuthenticationMD5Password". */
function md5Answer(user: string, password: string, message: Message): Buffer {
  const reader = body(message);
  reader.int32('authentication code');
  const salt = reader.bytes(4, 'md5 salt');
  reader.finish('AuthenticationMD5Password');
  const secret = Buffer.from(password + user, 'utf8');
  const inner = createHash('md5').update(secret).digest('hex');
  secret.fill(0);
  return Buffer.from(
    `md5${createHash('md5').update(inner, 'latin1').update(salt).digest('hex')}\0`,
    'latin1',
  );
}

/** Sends one password message and overwrites what held it. (The string that the secret store gave cannot be overwritten.) */
async function sendSecret(exchange: Exchange, secret: Buffer): Promise<void> {
  const message = encode(PASSWORD_MESSAGE, secret);
  secret.fill(0);
  try {
    await exchange.send(message);
  } finally {
    message.fill(0);
  }
}

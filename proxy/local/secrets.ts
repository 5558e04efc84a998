import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { Credential, Secrets } from '#proxy/ports.ts';
import { HoldpointError } from '#schemas/errors.ts';

/** Passwords are short; a larger file is not one. */
const MAX_BYTES = 16 * 1024;

/**
 * Credentials of one machine. `env:NAME` is an environment variable (its version is the reference), `file:/absolute/path` a regular
 * file whose content, without one newline at its end, is the password; its version is the file's inode and time of change.
 * A version never depends on the value. A reference of another form is not repeated in the error: it may be the password itself.
 */
export function createLocalSecrets(env: Readonly<Record<string, string | undefined>>): Secrets {
  return {
    async fetch(reference) {
      if (reference.startsWith('env:')) return fromEnv(reference, env[reference.slice(4)]);
      if (reference.startsWith('file:')) return fromFile(reference);
      throw unavailable('the reference is neither env:NAME nor file:/path');
    },
  };
}

function fromEnv(reference: string, password: string | undefined): Credential {
  if (password === undefined || password === '') throw unavailable(`${reference} is not set`);
  return usable({ password, version: reference });
}

async function fromFile(reference: string): Promise<Credential> {
  const path = reference.slice(5);
  if (!isAbsolute(path)) throw unavailable(`${reference} does not name an absolute path`);
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK a named pipe would keep the session waiting for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { ino, mtimeMs, size, isFile } = await stat(file);
    if (!isFile) throw unavailable(`${reference} is not a regular file`);
    if (size > MAX_BYTES) throw unavailable(`${reference} is larger than ${MAX_BYTES} bytes`);
    const password = (await file.readFile('utf8')).replace(/\r?\n$/, '');
    if (password === '') throw unavailable(`${reference} is empty`);
    return usable({ password, version: `${reference}@${ino}-${new Date(mtimeMs).toISOString()}` });
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw unavailable(`${reference} cannot be read (${code})`, cause);
  } finally {
    await file?.close();
  }
}

async function stat(file: FileHandle) {
  const found = await file.stat();
  return { ino: found.ino, mtimeMs: found.mtimeMs, size: found.size, isFile: found.isFile() };
}

/** The protocol carries passwords as strings that end at a zero byte. */
function usable(credential: Credential): Credential {
  if (credential.password.includes('\0')) throw unavailable(`${credential.version} has a zero byte in it`);
  return credential;
}

function unavailable(detail: string, cause?: unknown): HoldpointError {
  return new HoldpointError('secret_unavailable', undefined, { detail, cause });
}

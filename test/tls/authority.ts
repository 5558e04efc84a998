import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '#test/support/temp.ts';

export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of a test, made by openssl. */
export interface Authority {
  /** The file of its certificate. */
  readonly ca: string;
  /** Files of a certificate for localhost and 127.0.0.1, or for the name given. */
  issue(file: string, name?: string): Issued;
}

export function createAuthority(): Authority {
  const dir = tempDir('authority');
  const [ca, caKey] = [join(dir, 'ca.pem'), join(dir, 'ca.key')];
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const run = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  run('req', '-x509', ...fresh, '-keyout', caKey, '-out', ca, '-subj', '/CN=Test authority', '-days', '2');
  return {
    ca,
    issue(file, name) {
      const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map(end =>
        join(dir, `${file}.${end}`),
      ) as [string, string, string, string];
      const names = name === undefined ? 'DNS:localhost,IP:127.0.0.1' : `DNS:${name}`;
      writeFileSync(extensions, `subjectAltName=${names}\n`);
      run('req', ...fresh, '-keyout', key, '-out', request, '-subj', `/CN=${name ?? 'localhost'}`);
      const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', extensions];
      run('x509', '-req', '-in', request, ...signing, '-out', cert);
      return { cert, key };
    },
  };
}

export const text = (file: string) => readFileSync(file, 'utf8');

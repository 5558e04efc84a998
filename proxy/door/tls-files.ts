import { readFileSync } from 'node:fs';
import { type Pem, ServerCertificate } from '#proxy/door/certificate.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** Mounted secrets are swapped by renaming, which file events do not show reliably; two small files are cheap to read. */
const LOOK_MS = 2_000;

/**
 * The certificate in these files, followed when they change. A pair that cannot be used (also for the moment between two writes) leaves the
 * old one in place, and is told to `log` once. Throws an Error of one sentence when the first one cannot be used.
 */
export function watchCertificate(
  files: TlsFiles,
  log: (line: string) => void,
  undo: { push(step: () => void): unknown },
): ServerCertificate {
  let pem = read(files);
  const certificate = made(() => new ServerCertificate(pem), files);
  let told = '';
  const timer = setInterval(() => {
    try {
      const found = read(files);
      if (found.cert === pem.cert && found.key === pem.key) return;
      made(() => certificate.replace(found), files);
      pem = found;
      told = '';
      log(`the TLS certificate ${files.cert} has been read again`);
    } catch (error) {
      const { message } = error as Error;
      if (message !== told) log(`${message}; the one before stays in use`);
      told = message;
    }
  }, LOOK_MS);
  timer.unref();
  undo.push(() => clearInterval(timer));
  return certificate;
}

function read(files: TlsFiles): Pem {
  const text = (file: string) => {
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new Error(`the TLS file ${file} cannot be read: ${code ?? 'unknown fault'}`, { cause });
    }
  };
  return { cert: text(files.cert), key: text(files.key) };
}

function made<T>(make: () => T, files: TlsFiles): T {
  try {
    return make();
  } catch (cause) {
    throw new Error(
      `${files.cert} and ${files.key} are no certificate and its key: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

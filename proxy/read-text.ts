import { readFileSync } from 'node:fs';

/** A file of the configuration. Throws an Error of one sentence, naming `what` it is, when it cannot be read. */
export function readText(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Error(`${what} ${file} cannot be read: ${code ?? 'unknown fault'}`, { cause });
  }
}

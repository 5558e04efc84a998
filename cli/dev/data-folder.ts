import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** 0700 where it is made here; a folder that is there already keeps its mode. */
export function makeDataFolder(data: string): void {
  if (!existsSync(data)) mkdirSync(data, { recursive: true, mode: 0o711 });
  mkdirSync(join(data, 'keys'), { recursive: true, mode: 0o700 });
  chmodSync(join(data, 'keys'), 0o700);
}

/** The key of `hash` masks, kept with the data. */
export function maskKey(file: string): Buffer {
  if (!existsSync(file)) writePrivately(file, randomBytes(32).toString('hex'));
  const key = Buffer.from(readFileSync(file, 'utf8'), 'hex');
  if (key.length !== 32) throw new Error(`${file} is not a mask key: 64 hex digits are expected`);
  return key;
}

/** Whole or not at all, and for nobody else to read. */
export function writePrivately(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

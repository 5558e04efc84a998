import { hash } from 'node:crypto';

export { canonical, type Json } from './canonical-json.ts';

/** Lower-case hex SHA-256 of a string (as UTF-8) or of bytes. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

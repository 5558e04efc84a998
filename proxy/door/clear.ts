import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Agents } from '#schemas/policy.ts';

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/;

/**
 * Must this connection be encrypted before it may be asked for a token? By default both of its ends have to be on loopback to do
 * without: what has another address has passed, or could pass, a network. What has no address at all is not on loopback.
 */
export function needsTls(rule: Agents['tls'], socket: Duplex): boolean {
  if (rule !== 'beyond-loopback') return rule === 'required';
  if (!(socket instanceof Socket)) return true;
  return ![socket.localAddress, socket.remoteAddress].every(at => at !== undefined && LOOPBACK.test(at));
}

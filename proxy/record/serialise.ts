import type { AuditBody, AuditKind } from '#schemas/audit.ts';
import { canonical, type Json } from '#schemas/canonical.ts';
import { frozenText } from './frozen-text.ts';

/**
 * The canonical JSON of an event's body. The three kinds that every statement has are written key by key in sorted order, because
 * this runs on the proxy's own thread; the rare ones go through `canonical`. Keys that the schema
 * does not know are left out. Throws a TypeError on a value of the wrong type: an unreadable entry must not enter the log.
 */
export function serialiseBody<K extends AuditKind>(kind: K, body: AuditBody<K>): string {
  switch (kind) {
    case 'statement':
      return statement(body as AuditBody<'statement'>);
    case 'forward':
      return `{"n":${count((body as AuditBody<'forward'>).n)}}`;
    case 'outcome':
      return outcome(body as AuditBody<'outcome'>);
    default:
      return canonical(body as Json);
  }
}

function statement(b: AuditBody<'statement'>): string {
  return (
    `{"digest":${quote(b.digest)},"effects":[${b.effects.map(frozenText).join(',')}],"message":${quote(b.message)},` +
    `"n":${count(b.n)},"parameters":[${b.parameters.length === 0 ? '' : b.parameters.map(parameter).join(',')}],` +
    `"protocol":${quote(b.protocol)},"rule":${quote(b.rule)},"text":${quote(b.text)},"verdict":${quote(b.verdict)}}`
  );
}

function parameter(p: AuditBody<'statement'>['parameters'][number]): string {
  const value = p.value === null ? 'null' : quote(p.value);
  return `{"format":${quote(p.format)},"type":${count(p.type)},"value":${value}}`;
}

function outcome(b: AuditBody<'outcome'>): string {
  const masks = b.masks.length === 0 ? '' : b.masks.map(frozenText).join(',');
  return (
    `{"bytes":${count(b.bytes)},"masks":[${masks}],"micros":${count(b.micros)},"n":${count(b.n)},` +
    `"result":${quote(b.result)},"rows":${count(b.rows)},"sqlstate":${quote(b.sqlstate)},` +
    `"status":${quote(b.status)},"tag":${quote(b.tag)}}`
  );
}

function quote(value: string): string {
  if (typeof value !== 'string') throw new TypeError(`an audit event needs a string, not ${typeof value}`);
  return JSON.stringify(value);
}

function count(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TypeError(`an audit event needs a whole number from 0, not ${value}`);
  // `-0` would print as "0" anyway, but would not come back from JSON as what it was.
  return value + 0;
}

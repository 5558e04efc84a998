import type { UnlinkedEvent } from './chain.ts';

/** One event as a line of a journal's payload; canonical JSON has neither tabs nor line ends. `session` and `body` are such JSON. */
export function journalLine(at: string, kind: string, session: string, body: string): string {
  return `${at}\t${kind}\t${session}\t${body}\n`;
}

/** The events of a payload, in their order. */
export function journalEvents(lines: string): UnlinkedEvent[] {
  const events: UnlinkedEvent[] = [];
  for (let from = 0; from < lines.length; ) {
    const kind = lines.indexOf('\t', from) + 1;
    const session = lines.indexOf('\t', kind) + 1;
    const body = lines.indexOf('\t', session) + 1;
    const end = lines.indexOf('\n', body);
    events.push({
      at: lines.slice(from, kind - 1),
      kind: lines.slice(kind, session - 1),
      session: lines.slice(session, body - 1),
      body: lines.slice(body, end),
    });
    from = end + 1;
  }
  return events;
}

/** Prints what a client program did: one line, the same for the same values. */
export function say(what: string, ...values: readonly unknown[]): void {
  console.log([`${what}:`, ...values.map(show)].join(' '));
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? String(value);
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([name, member]) => `${name}: ${show(member)}`)
    .join(', ')}}`;
}

/** What a driver makes of the server's error; where in the server's source it was raised is no part of it. */
const FIELDS = [
  'name',
  'code',
  'severity',
  'message',
  'detail',
  'hint',
  'position',
  'where',
  'schema',
  'schema_name',
];
const MORE = ['table', 'table_name', 'column', 'column_name', 'constraint', 'constraint_name'];

/** Runs what has to fail; says how, and says it, too, when it did not. */
export async function fails(what: string, work: () => PromiseLike<unknown>): Promise<void> {
  try {
    say(`${what} did NOT fail`, await work());
  } catch (error) {
    const fault = ((error as Error).cause ?? error) as Record<string, unknown>;
    say(
      `${what} fails`,
      ...[...FIELDS, ...MORE].map(name => fault[name]).filter(value => value !== undefined),
    );
  }
}

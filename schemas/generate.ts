import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Json } from './canonical.ts';
import { policyFile } from './policy.ts';
import { POLICY_DESCRIPTIONS } from './policy-descriptions.ts';

/** Where the generated JSON Schema of the policy file is. */
export const POLICY_SCHEMA_FILE = fileURLToPath(new URL('./generated/policy.schema.json', import.meta.url));

const WIDTH = 110;

/** The JSON Schema (draft 2020-12) of the policy file as people write it: defaults may be left out, unknown keys are errors. */
export function policyJsonSchema(): string {
  const schema = z.toJSONSchema(policyFile, { io: 'input' }) as Node;
  describe(schema, '');
  const { $schema, ...rest } = schema;
  const titled = { $schema, title: 'Holdpoint policy', description: 'See docs/policy.md.', ...rest };
  return `${print(titled as unknown as Json, '', 0)}\n`;
}

/** Every key of the schema as a dotted path without list positions: what must be described, here and in the manual. */
export function policyKeys(): string[] {
  const keys = new Set<string>();
  describe(z.toJSONSchema(policyFile, { io: 'input' }) as Node, '', key => keys.add(key));
  return [...keys].sort();
}

/** JSON as the formatter of this repository leaves it: lists of plain values on one line where they fit. */
function print(value: Json, indent: string, before: number): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map(item => print(item, deeper, 0));
    const line = `[${items.join(', ')}]`;
    const plain = value.every(item => item === null || typeof item !== 'object');
    if (plain && before + line.length < WIDTH) return line;
    return `[\n${items.map(item => deeper + item).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value).flatMap(([key, item]) => {
    if (item === undefined) return [];
    const head = `${deeper}${JSON.stringify(key)}: `;
    return [head + print(item, deeper, head.length)];
  });
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
}

interface Node {
  $schema?: string;
  description?: string;
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  items?: Node;
  oneOf?: Node[];
}

function describe(node: Node, path: string, seen: (path: string) => void = () => {}): void {
  const text = POLICY_DESCRIPTIONS[path];
  if (text !== undefined) node.description = text;
  if (path !== '') seen(path);
  const below = (key: string): string => (path === '' ? key : `${path}.${key}`);
  for (const [key, child] of Object.entries(node.properties ?? {})) describe(child, below(key), seen);
  if (typeof node.additionalProperties === 'object') describe(node.additionalProperties, below('*'), seen);
  // An item of a list is described by its list.
  const branches = node.items === undefined ? [] : [node.items, ...(node.items.oneOf ?? [])];
  for (const branch of branches)
    for (const [key, child] of Object.entries(branch.properties ?? {})) describe(child, below(key), seen);
}

if (import.meta.main) {
  writeFileSync(POLICY_SCHEMA_FILE, policyJsonSchema());
  console.log(`written: ${POLICY_SCHEMA_FILE}`);
}

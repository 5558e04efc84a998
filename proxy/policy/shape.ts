import { z } from 'zod';
import { nearest } from './nearest.ts';
import type { Path } from './yaml-source.ts';

/** A zod issue as one sentence for whoever wrote the file; `path` and `key` say what to point at. */
export interface ShapeFault {
  readonly path: Path;
  readonly key: string | undefined;
  readonly message: string;
}

/** What is wrong with the form of `data`, which `schema` has refused: one fault per unknown key, missing key and wrong value. */
export function shapeFaults(
  schema: z.ZodType,
  issues: readonly z.core.$ZodIssue[],
  data: unknown,
): ShapeFault[] {
  return issues.flatMap((issue): ShapeFault[] => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map(key => ({
        path: issue.path,
        key,
        message: unknownKey(schema, key, issue.path, data),
      }));
    const value = valueAt(data, issue.path);
    return [{ path: issue.path, key: undefined, message: sentence(issue, value) }];
  });
}

function sentence(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${NOUNS[issue.expected] ?? issue.expected}, but is ${describe(value)}`;
    case 'invalid_value': {
      const known = issue.values.map(String);
      const hint = typeof value === 'string' ? suggestion(value, known) : '';
      return `is ${describe(value)}, but must be ${known.length === 1 ? known[0] : `one of ${known.join(', ')}`}${hint}`;
    }
    case 'invalid_union': {
      const known = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
      // Not told apart by a key of theirs: then the schema has a sentence for it.
      if (known.length === 0) return `is ${describe(value)}; ${issue.message}`;
      const hint = typeof value === 'string' ? suggestion(value, known) : '';
      return `is ${describe(value)}, but must be one of ${known.join(', ')}${hint}`;
    }
    case 'invalid_format':
      return `is ${describe(value)}; ${formatHint(issue)}`;
    case 'too_small':
      if (issue.origin === 'array') return 'is an empty list; leave the key out, or name something';
      if (issue.origin === 'string') return 'must not be empty';
      return `is ${describe(value)}, but must be at least ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'string'
        ? `is longer than ${issue.maximum} characters`
        : `is ${describe(value)}, but must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys to values',
  record: 'a mapping of names to values',
};

function formatHint(issue: z.core.$ZodIssueInvalidStringFormat): string {
  if (issue.format === 'url') return 'write a whole URL, with https://';
  if (issue.format === 'regex' && issue.pattern?.includes(':') === true)
    return 'write a time of day like 08:30, in quotes';
  return issue.message;
}

function describe(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function unknownKey(schema: z.ZodType, key: string, path: Path, data: unknown): string {
  const known = knownKeys(schema, path, data);
  const near = nearest(key, known);
  const hint = near === undefined ? `; the keys here are ${known.join(', ')}` : `; did you mean ${near}?`;
  return `unknown key ${JSON.stringify(key)}${hint}`;
}

function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, segment) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, segment)
        ? (value as Record<PropertyKey, unknown>)[segment]
        : undefined,
    data,
  );
}

/** The keys that the schema knows at this place; of a union of objects, those of the branch that the data names. */
function knownKeys(root: z.ZodType, path: Path, data: unknown): string[] {
  let schema = unwrap(root);
  let value = data;
  for (const segment of path) {
    const branch = branchFor(schema, value);
    if (branch instanceof z.ZodObject)
      schema = unwrap((branch.shape as Record<PropertyKey, z.ZodType>)[segment]!);
    else if (branch instanceof z.ZodRecord) schema = unwrap(branch.valueType as z.ZodType);
    else if (branch instanceof z.ZodArray) schema = unwrap(branch.element as z.ZodType);
    value = valueAt(value, [segment]);
  }
  const branch = branchFor(schema, value);
  return branch instanceof z.ZodObject ? Object.keys(branch.shape) : [];
}

function branchFor(schema: z.ZodType, value: unknown): z.ZodType {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator } = schema.def;
  const wanted = valueAt(value, [discriminator]);
  const found = schema.options.find(option => {
    const literal = option instanceof z.ZodObject ? option.shape[discriminator] : undefined;
    return literal instanceof z.ZodLiteral && literal.value === wanted;
  });
  return (found as z.ZodType | undefined) ?? schema;
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema;
}

import type { PolicyFile } from '#schemas/policy.ts';
import type { LoadOptions } from './load.ts';
import { placeFaults } from './meaning-places.ts';
import { ruleFaults } from './meaning-rules.ts';
import { Names } from './names.ts';
import type { Report } from './report.ts';
import type { Path } from './yaml-source.ts';

/** Something that the form allows and that cannot be meant. */
export interface MeaningFault {
  readonly path: Path;
  readonly message: string;
}

/** Every fault of meaning in a policy file whose form is right. Pure. */
export function meaningFaults(file: PolicyFile, options: LoadOptions): MeaningFault[] {
  const faults: MeaningFault[] = [];
  const report: Report = (path, message) => faults.push({ path, message });
  const names = new Names(file, options);
  controlCharacters(file, [], report);
  emptyLists(file, [], report);
  duplicates(file.issuers, 'issuers', 'issuer', report);
  duplicates(file.access, 'access', 'access entry', report);
  duplicates(file.rules, 'rules', 'rule', report);
  placeFaults(file, names, report);
  ruleFaults(file, names, report);
  return faults;
}

function controlCharacters(value: unknown, path: Path, report: Report): void {
  if (typeof value === 'string') {
    const allowed =
      path.at(-1) === 'message' ? /[\u0000-\u0009\u000b-\u001f\u007f]/ : /[\u0000-\u001f\u007f]/;
    if (allowed.test(value)) report(path, 'contains a control character');
  } else if (Array.isArray(value))
    value.forEach((item, i) => {
      controlCharacters(item, [...path, i], report);
    });
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) {
      controlCharacters(key, [...path, key], report);
      controlCharacters(item, [...path, key], report);
    }
}

/** An empty list matches nobody and nothing. Whoever writes one usually wants the opposite. */
function emptyLists(value: unknown, path: Path, report: Report): void {
  if (Array.isArray(value)) {
    const mayBeEmpty = path.length === 1 || path.at(-1) === 'weakAuth';
    if (value.length === 0 && !mayBeEmpty)
      report(path, 'is an empty list, which matches nothing; leave the key out, or name something');
    const seen = new Set<unknown>();
    value.forEach((item, i) => {
      emptyLists(item, [...path, i], report);
      if (typeof item === 'string' && seen.has(item))
        report([...path, i], `${JSON.stringify(item)} is here twice`);
      seen.add(item);
    });
  } else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) emptyLists(item, [...path, key], report);
}

function duplicates(list: readonly { name: string }[], key: string, noun: string, report: Report): void {
  const first = new Map<string, number>();
  list.forEach(({ name }, i) => {
    const before = first.get(name);
    if (before === undefined) first.set(name, i);
    else
      report(
        [key, i, 'name'],
        `${key}[${before}] is already called ${JSON.stringify(name)}; each ${noun} needs its own name`,
      );
  });
}

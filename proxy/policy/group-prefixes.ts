import type { PolicyFile } from '#schemas/policy.ts';
import type { Report } from './report.ts';
import type { Path } from './yaml-source.ts';

/** What stands before the groups that come from outside the file, with the place where that is said. */
export function groupPrefixes({ issuers }: PolicyFile): { readonly prefix: string; readonly path: Path }[] {
  return issuers.flatMap(({ groupsClaim, groupsPrefix, directory }, i) => [
    ...(groupsClaim === undefined
      ? []
      : [
          {
            prefix: groupsPrefix,
            path: ['issuers', i, groupsPrefix === '' ? 'groupsClaim' : 'groupsPrefix'],
          },
        ]),
    ...(directory === undefined ? [] : [{ prefix: directory.prefix, path: ['issuers', i, 'directory'] }]),
  ]);
}

/**
 * Whoever may write `corp:` before any name can write `corp:eu:` too, and with no prefix everything: such a source could put people into
 * the groups of another one. The same prefix twice is somebody's wish. (An issuer without one beside other issuers is advised against.)
 */
export function prefixFaults(file: PolicyFile, report: Report): void {
  const all = groupPrefixes(file);
  const directories = file.issuers.flatMap(({ directory }) => directory?.prefix ?? []);
  for (const { prefix, path } of all)
    for (const other of new Set(all.map(one => one.prefix))) {
      if (other === prefix || !other.startsWith(prefix)) continue;
      if (prefix === '' && !directories.includes(other)) continue;
      report(
        path,
        prefix === ''
          ? `without a groupsPrefix this issuer could name groups of the directory (${JSON.stringify(other)})`
          : `with the prefix ${JSON.stringify(prefix)} groups with the prefix ${JSON.stringify(other)} could be named too`,
      );
    }
}

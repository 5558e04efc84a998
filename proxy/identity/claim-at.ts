/**
 * A claim by its name, or by a path that begins with a slash: `/firebase/sign_in_provider`. Claims may have dots in their names, so these
 * do not lead anywhere. Undefined where there is none; what an object inherits is not a claim.
 */
export function claimAt(claims: object, name: string): unknown {
  const path = name.startsWith('/') ? name.slice(1).split('/') : [name];
  let value: unknown = claims;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

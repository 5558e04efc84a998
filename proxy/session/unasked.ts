type Field = readonly [string, string];

/** The agent did not ask to have the portal described: what is wrong with it is what its Execute, which is right behind, would have said. */
export function asOfExecute(fields: readonly Field[]): Field[] {
  return fields
    .filter(([code]) => code !== 'L')
    .map(([code, value]) =>
      code === 'R' && value === 'exec_describe_portal_message'
        ? [code, 'exec_execute_message']
        : [code, value],
    );
}

import type { Asked, Driver } from './asked.ts';

export const PAGE = new URL('../../../docs/drivers.md', import.meta.url);

export const HEAD = `# What drivers ask of themselves

A driver, an ORM or a tool asks the server more than the program does: it sets things when it connects, begins transactions, and looks types
and tables up in the catalog. All of it is judged and recorded like any other statement, and the sample policy (\`cli/sample/policy.yaml\`)
allows all of it, by the rules \`reads\`, \`catalog-lookups\`, \`catalog-functions\`, \`settings\`, \`settings-by-function\` and \`unlock\`. Keep them, or their
like, in a policy of your own. Settings that come in the start-up packet are judged as SET, but for those that drivers give by themselves (\`proxy/session/parameters.ts\`).

\`test/clients/drivers\` compares this page with the record of real sessions. To write it anew:
\`WRITE_PAGE=1 node --test test/clients/drivers/drivers.test.ts\`. Long texts are cut here, not in the record.
`;

const LONGEST = 140;

/** What the page says of one driver, from its heading on. */
export function section({ name, does }: Driver, asked: readonly Asked[]): string {
  const lines = [`## ${name}`, '', `The program: ${does}.`, ''];
  if (asked.length === 0) lines.push('Nothing of its own.');
  else lines.push('| statement | rule of the sample policy |', '|---|---|', ...asked.map(row));
  return `${lines.join('\n')}\n`;
}

function row({ text, rule }: Asked): string {
  // OIDs of the application's own objects.
  const said = text.replaceAll(/'\d{5,}'/g, "'…'");
  if (said === '') return `| (an empty query) | ${rule} |`;
  const shown = said.length > LONGEST ? `${said.slice(0, LONGEST)}…` : said;
  return `| \`${shown.replaceAll('|', '\\|')}\` | ${rule} |`;
}

/** The sections of a page by the names of their drivers. */
export function sectionsOf(page: string): Map<string, string> {
  const parts = page.split(/^(?=## )/m).slice(1);
  return new Map(parts.map(part => [/^## (.*)/.exec(part)![1]!, `${part.trimEnd()}\n`]));
}

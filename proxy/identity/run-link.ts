/**
 * The CI run that holds a token, as a link for approvers; undefined where the claims name none. Only for issuers that are known to be
 * GitHub's or GitLab's: anybody else's claims of the same names must not lead people to pages that have nothing to do with the token.
 */
export function runLink(claims: object, issuer: string): string | undefined {
  const text = (name: string, form: RegExp): string | undefined => {
    const value: unknown = Object.hasOwn(claims, name)
      ? (claims as Record<string, unknown>)[name]
      : undefined;
    return typeof value === 'string' && form.test(value) && !/(^|\/)\.+(\/|$)/.test(value)
      ? value
      : undefined;
  };
  const github = githubOf(issuer);
  if (github !== undefined) {
    const [repository, run] = [text('repository', /^[\w.-]+\/[\w.-]+$/), text('run_id', /^\d{1,20}$/)];
    if (repository !== undefined && run !== undefined) return `${github}/${repository}/actions/runs/${run}`;
  }
  if (issuer === 'https://gitlab.com') {
    const [project, job] = [text('project_path', /^[\w.-]+(\/[\w.-]+)+$/), text('job_id', /^\d{1,20}$/)];
    if (project !== undefined && job !== undefined) return `${issuer}/${project}/-/jobs/${job}`;
  }
  return undefined;
}

/**
 * Where the repositories are whose jobs an issuer speaks for: github.com (an enterprise may have its own path below the issuer), GHE.com,
 * or GitHub Enterprise Server. Source: GitHub, "OpenID Connect reference".
 */
function githubOf(issuer: string): string | undefined {
  if (/^https:\/\/token\.actions\.githubusercontent\.com(\/[\w-]+)?$/.test(issuer))
    return 'https://github.com';
  const tenant = /^https:\/\/token\.actions\.([\w-]+\.ghe\.com)$/.exec(issuer)?.[1];
  if (tenant !== undefined) return `https://${tenant}`;
  return /^(https:\/\/[\w.:-]+)\/_services\/token$/.exec(issuer)?.[1];
}

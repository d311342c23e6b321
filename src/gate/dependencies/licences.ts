/** What an environment says of licences: identifiers of SPDX. Without `allow`, all that are not denied. */
export interface LicenceRules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

const MAX_TOKENS = 200;

/**
 * Whether a licence expression (https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/) fits the rules: of `OR` one side is enough, of `AND` all are needed. Null: what stands there
 * is no expression, so nothing can be said.
 */
export function licenceFits(text: string, rules: LicenceRules): boolean | null {
  const tokens = text.slice(0, 2000).match(/\(|\)|[^\s()]+/g) ?? [];
  if (tokens.length === 0 || tokens.length > MAX_TOKENS || /^SEE LICEN[CS]E IN/i.test(text)) return null;
  let at = 0;
  const [allow, deny] = [rules.allow.map(lower), rules.deny.map(lower)];
  const fits = (id: string, exception: string | null): boolean => {
    // `GPL-2.0-only WITH X` is denied by its identifier too, and allowed by the whole alone: an exception may also take away.
    const names = exception === null ? [lower(id)] : [lower(id), lower(`${id} WITH ${exception}`)];
    return !names.some((name) => deny.includes(name)) && (allow.length === 0 || allow.includes(names.at(-1) as string));
  };
  const one = (): boolean | null => {
    const token = tokens[at++];
    if (token === '(') {
      const inner = either();
      return tokens[at++] === ')' ? inner : null;
    }
    if (token === undefined || token === ')' || /^(?:and|or|with)$/i.test(token) || !/^[A-Za-z0-9.+:-]{1,200}$/.test(token)) return null;
    if (!/^with$/i.test(tokens[at] ?? '')) return fits(token, null);
    at++;
    const exception = tokens[at++];
    return exception === undefined || !/^[A-Za-z0-9.-]{1,200}$/.test(exception) ? null : fits(token, exception);
  };
  const joined = (word: RegExp, next: () => boolean | null, decide: (values: readonly boolean[]) => boolean): boolean | null => {
    const values = [next()];
    while (word.test(tokens[at] ?? '')) {
      at++;
      values.push(next());
    }
    const known = values.filter((v) => v !== null);
    return known.length === values.length ? decide(known) : null;
  };
  const every = (): boolean | null => joined(/^and$/i, one, (values) => values.every(Boolean));
  const either = (): boolean | null => joined(/^or$/i, every, (values) => values.some(Boolean));
  const fit = either();
  return at === tokens.length ? fit : null;
}

function lower(text: string): string {
  return text.toLowerCase();
}

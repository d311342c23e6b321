/** A version of Python packages (https://packaging.python.org/en/latest/specifications/version-specifiers/), each number without leading zeros. */
export interface Pep440 {
  readonly epoch: string;
  /** Without zeros at its end: `1.0` and `1.0.0` are the same. */
  readonly release: readonly string[];
  readonly pre: readonly [letter: 'a' | 'b' | 'rc', number: string] | null;
  readonly post: string | null;
  readonly dev: string | null;
  readonly local: string | null;
}

/** Appendix B of PEP 440. */
const VERSION = /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/;
const PRE: Readonly<Record<string, 'a' | 'b' | 'rc'>> = { alpha: 'a', a: 'a', beta: 'b', b: 'b', preview: 'rc', pre: 'rc', c: 'rc', rc: 'rc' };

/** Null for what is no version. */
export function parsePep440(version: string): Pep440 | null {
  const match = version.length > 200 ? null : VERSION.exec(version.trim().toLowerCase());
  if (match === null) return null;
  const [, epoch, release = '', pre, preNumber, dash, post, postNumber, dev, devNumber, local] = match;
  const number = (text: string | undefined): string => (text ?? '').replace(/^0+(?=\d)/, '') || '0';
  const parts = release.split('.').map(number);
  while (parts.length > 1 && parts.at(-1) === '0') parts.pop();
  return {
    epoch: number(epoch), release: parts, pre: pre === undefined ? null : [PRE[pre] as 'a' | 'b' | 'rc', number(preNumber)], post: dash === undefined && post === undefined ? null : number(dash ?? postNumber),
    dev: dev === undefined ? null : number(devNumber), local: local === undefined ? null : local.replace(/[-_]/g, '.'),
  };
}

/** Numbers of any length. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

const LETTERS = ['a', 'b', 'rc'] as const;
/** Where a version stands beside its release: a development release of nothing first, then prereleases, then itself. */
function preRank({ pre, post, dev }: Pep440): number {
  return pre !== null ? 1 + LETTERS.indexOf(pre[0]) : post === null && dev !== null ? 0 : 4;
}

/** Below zero when `a` is the older one. */
export function comparePep440(a: Pep440, b: Pep440): number {
  const steps: (() => number)[] = [
    () => byNumber(a.epoch, b.epoch), () => byRelease(a.release, b.release), () => preRank(a) - preRank(b), () => byNumber(a.pre?.[1] ?? '0', b.pre?.[1] ?? '0'),
    () => byPresence(a.post, b.post, -1), () => byPresence(a.dev, b.dev, 1), () => byLocal(a.local, b.local),
  ];
  for (const step of steps) {
    const order = step();
    if (order !== 0) return order;
  }
  return 0;
}

function byRelease(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = byNumber(a[i] ?? '0', b[i] ?? '0');
    if (order !== 0) return order;
  }
  return 0;
}

/** `missing`: where a version without this part stands beside one that has it. */
function byPresence(a: string | null, b: string | null, missing: 1 | -1): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? missing : -missing;
  return byNumber(a, b);
}

function byLocal(a: string | null, b: string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  const [x, y] = [a.split('.'), b.split('.')];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [p, q] = [x[i], y[i]];
    if (p === undefined || q === undefined) return p === undefined ? -1 : 1;
    const [m, n] = [/^\d+$/.test(p), /^\d+$/.test(q)];
    const order = m !== n ? (m ? 1 : -1) : m ? byNumber(p.replace(/^0+(?=\d)/, ''), q.replace(/^0+(?=\d)/, '')) : p < q ? -1 : p > q ? 1 : 0;
    if (order !== 0) return order;
  }
  return 0;
}

/** The smallest version of a release, for bounds that a specifier implies. */
const release = (epoch: string, parts: readonly string[]): Pep440 => ({ epoch, release: parts, pre: null, post: null, dev: null, local: null });
const next = (parts: readonly string[]): string[] => [...parts.slice(0, -1), String(BigInt(parts.at(-1) ?? '0') + 1n)];

/**
 * Whether a version satisfies specifiers such as `>=1.4,<2` or `~=1.4.2`; also `^1.4`, `~1.4` and a bare version as poetry writes them. Null where one of them is
 * not understood. For final releases: what the rules say of prereleases and local versions is left aside.
 */
export function allowsPep440(specifiers: string, version: string): boolean | null {
  const at = parsePep440(version);
  if (at === null) return null;
  const answers = specifiers.split('||').map((all) => all.split(',').map((one) => one.trim()).filter((one) => one !== '' && one !== '*').map((one) => allowsOne(one, at)));
  if (answers.some((all) => all.includes(null))) return null;
  return answers.some((all) => all.every((one) => one === true));
}

function allowsOne(specifier: string, at: Pep440): boolean | null {
  const [, operator = '', rest = ''] = /^(===|==|!=|~=|<=|>=|<|>|\^|~|)\s*(\S+)$/.exec(specifier) ?? [];
  const star = /^(.+)\.\*$/.exec(rest)?.[1];
  const wanted = parsePep440(star ?? rest);
  if (wanted === null) return null;
  // As many parts as were written: `~=1.4` and `~=1.4.0` differ in their last zero.
  const written = (/^(?:v?\d+!)?v?([\d.]+)/i.exec(star ?? rest)?.[1] ?? '').split('.').map((part) => part.replace(/^0+(?=\d)/, '') || '0');
  const order = comparePep440({ ...at, local: null }, { ...wanted, local: null });
  const within = (end: readonly string[]): boolean => order >= 0 && comparePep440(at, release(wanted.epoch, end)) < 0;
  if (star !== undefined) return operator === '==' || operator === '' ? within(next(written)) : operator === '!=' ? !within(next(written)) : null;
  switch (operator) {
    case '': case '==': case '===': return order === 0;
    case '!=': return order !== 0;
    case '<': return order < 0;
    case '<=': return order <= 0;
    case '>': return order > 0;
    case '>=': return order >= 0;
    case '~=': return written.length < 2 ? null : within(next(written.slice(0, -1)));
    case '~': return within(next(written.slice(0, Math.min(2, written.length))));
    default: {
      const first = written.findIndex((part) => part !== '0');
      return within(next(written.slice(0, (first === -1 ? written.length - 1 : first) + 1)));
    }
  }
}

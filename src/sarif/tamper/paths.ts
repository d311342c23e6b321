import type { SarifResult } from '../parse.js';
import type { Changed } from './compare.js';
import { tamperResult } from './result.js';

export interface ByPath {
  readonly files: readonly Changed[];
  /** Modes of the base's files that the change touches. */
  readonly baseModes: ReadonlyMap<string, string>;
  /** Targets of symbolic links that the change adds or edits, null where one is not known. */
  readonly links: ReadonlyMap<string, string | null>;
  /** Texts of package.json files that the change edits, null where one cannot be read. */
  readonly manifests: readonly { readonly path: string; readonly base: string | null; readonly head: string | null }[];
  /** True where moving locked versions is the work: an upgrade. */
  readonly upgrade: boolean;
}

/** What the list of changed files says by itself: files that judge changes or steer agents, links, submodules, executable bits, lockfiles without manifests. */
export function pathTampering({ files, baseModes, links, manifests, upgrade }: ByPath): SarifResult[] {
  return [
    ...files.flatMap(({ path, status }) => protectedFile(path, `The change ${status === 'added' ? 'adds' : status === 'deleted' ? 'deletes' : 'edits'}`)),
    ...manifests.flatMap(({ path, base, head }) => changedKeys(base, head).map((key) => tamperResult('protected-file', path, 1, `The change edits "${key}", which says how the project is checked or what runs on other machines.`))),
    ...(upgrade ? [] : files.filter((file) => file.status !== 'deleted' && loneLockfile(file.path, files)).map(({ path }) => tamperResult('protected-file', path, 1, 'The change edits a lockfile and not its manifest, so it was edited by hand or moves what is installed.'))),
    ...files.filter((file) => file.status !== 'deleted').flatMap((file) => modeChange(file, baseModes.get(file.path), links.get(file.path) ?? null)),
  ];
}

const KINDS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a CI workflow', /^\.github\/(?:workflows|actions)\/|^\.(?:gitlab-ci|travis|drone|woodpecker|cirrus|appveyor)\.ya?ml$|^(?:\.gitlab|\.circleci|\.buildkite|\.woodpecker|\.azure-pipelines|\.tekton|\.forgejo\/workflows|\.gitea\/workflows)\/|^(?:azure-pipelines|bitbucket-pipelines|appveyor|cloudbuild|buildspec)[.\w-]*\.ya?ml$|(?:^|\/)Jenkinsfile[^/]*$/i],
  ['policy of Sallyport', /^sallyport\.ya?ml$|^\.sallyport\//i],
  ['instructions to agents', /(?:^|\/)(?:AGENTS|CLAUDE|GEMINI)(?:\.local)?\.md$|(?:^|\/)\.(?:cursorrules|windsurfrules|clinerules)$|(?:^|\/)\.(?:cursor|claude|windsurf|codex)\/|^\.github\/(?:copilot-instructions\.md$|instructions\/|prompts\/)|(?:^|\/)\.mcp\.json$/i],
  ['who has to review', /(?:^|\/)CODEOWNERS$/],
  ['what git does with files', /(?:^|\/)\.git(?:attributes|modules)$|^\.(?:githooks|husky)\/|^\.(?:pre-commit-config|lefthook|overcommit)\.ya?ml$|^lefthook\.ya?ml$/],
  ['configuration of a scanner or linter', /(?:^|\/)(?:\.eslint(?:rc|ignore)[.\w]*|eslint\.config\.[cm]?[jt]s|\.?oxlintrc\.json|biome\.jsonc?|\.semgrepignore|\.semgrep\.ya?ml|\.gitleaks(?:\.toml|ignore)|\.bandit|bandit\.ya?ml|\.trivyignore[.\w]*|trivy\.ya?ml|\.snyk|\.grype\.ya?ml|sonar-project\.properties|sonar-[\w-]+\.(?:properties|json|xml)|\.?ruff\.toml|\.flake8|\.?pylintrc|\.?mypy\.ini|\.golangci\.(?:ya?ml|toml|json)|clippy\.toml|\.rubocop\.yml|\.hadolint\.ya?ml|\.checkov\.ya?ml|osv-scanner\.toml|\.secrets\.baseline|\.?zizmor\.yml|\.prettier(?:rc|ignore)[.\w]*|prettier\.config\.[cm]?[jt]s|pyrightconfig\.json|\.stylelintrc[.\w]*|\.gosec\.json|\.nsprc|audit-ci\.jsonc?)$|^\.semgrep\/|^\.github\/(?:dependabot\.ya?ml$|codeql\/)/i],
  ['how tests run', /(?:^|\/)(?:(?:vitest|jest|mocha|ava|karma|playwright|cypress|wdio|stryker)[.\w-]*\.(?:config|conf|workspace|setup)[.\w-]*|\.(?:mocharc|taprc|jestrc)[.\w]*|pytest\.ini|tox\.ini|noxfile\.py|phpunit\.xml(?:\.dist)?)$/i],
  ['what coverage must reach', /(?:^|\/)\.?codecov\.ya?ml$|(?:^|\/)\.(?:nycrc|c8rc)[.\w]*$|(?:^|\/)\.coveragerc$|(?:^|\/)\.coveralls\.yml$/i],
];

function protectedFile(path: string, change: string): SarifResult[] {
  const kind = KINDS.find(([, pattern]) => pattern.test(path));
  return kind === undefined ? [] : [tamperResult('protected-file', path, 1, `${change} ${kind[0]}.`)];
}

/** Sections of package.json that configure what judges, and scripts that judge or that run by themselves. */
const KEYS = ['jest', 'mocha', 'ava', 'tap', 'c8', 'nyc', 'vitest', 'eslintConfig', 'eslintIgnore', 'prettier', 'stylelint', 'husky', 'lint-staged', 'simple-git-hooks', 'pre-commit'] as const;
const JUDGES = /test|spec|lint|check|type|audit|cover|verif|valid|secur|ci\b/i;
const BY_ITSELF = /^(?:pre|post)|^(?:install|prepare|prepublish|prepack|dependencies)$/;

function changedKeys(base: string | null, head: string | null): string[] {
  if (base === null) return [];
  const [was, now] = [read(base), read(head)];
  if (was === null || now === null) return ['the whole file'];
  const [before, after] = [scriptsOf(was), scriptsOf(now)];
  const names = [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
  return [
    ...KEYS.filter((key) => canonical(was.get(key)) !== canonical(now.get(key))),
    // A new script that nothing calls judges nothing; one that clients start by themselves runs on the machines of others.
    ...names.filter((name) => BY_ITSELF.test(name) || (before.has(name) && JUDGES.test(name))).map((name) => `scripts.${name}`.slice(0, 200)),
  ];
}

function read(text: string | null): ReadonlyMap<string, unknown> | null {
  try {
    const value: unknown = text === null ? {} : JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : null;
  } catch {
    return null;
  }
}

function scriptsOf(manifest: ReadonlyMap<string, unknown>): Map<string, string> {
  const scripts = manifest.get('scripts');
  return new Map(typeof scripts === 'object' && scripts !== null ? Object.entries(scripts).map(([name, value]) => [name, JSON.stringify(value)]) : []);
}

function canonical(value: unknown): string {
  return JSON.stringify(value) ?? '';
}

const LOCKFILES: Readonly<Record<string, readonly string[]>> = {
  'package-lock.json': ['package.json'], 'npm-shrinkwrap.json': ['package.json'], 'yarn.lock': ['package.json', '.yarnrc.yml'], 'pnpm-lock.yaml': ['package.json', 'pnpm-workspace.yaml'], 'bun.lock': ['package.json'],
  'poetry.lock': ['pyproject.toml'], 'uv.lock': ['pyproject.toml'], 'pdm.lock': ['pyproject.toml'], 'pylock.toml': ['pyproject.toml'], 'Pipfile.lock': ['Pipfile'],
  'Cargo.lock': ['Cargo.toml'], 'go.sum': ['go.mod', 'go.work'], 'composer.lock': ['composer.json'], 'Gemfile.lock': ['Gemfile'],
};

/** The manifest may lie deeper: a workspace has one lockfile for all of its packages. */
function loneLockfile(path: string, files: readonly Changed[]): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const folder = path.slice(0, path.length - name.length);
  const manifests = Object.hasOwn(LOCKFILES, name) ? (LOCKFILES[name] ?? []) : [];
  return manifests.length > 0 && !files.some((file) => file.path.startsWith(folder) && manifests.includes(file.path.slice(file.path.lastIndexOf('/') + 1)));
}

function modeChange({ path, status, mode }: Changed, was: string | undefined, target: string | null): SarifResult[] {
  if (mode === '160000') return [tamperResult('submodule', path, 1, `A submodule was ${status === 'added' ? 'added' : 'moved'}: its code is no part of the tree that was scanned and tested.`)];
  if (mode === '120000') {
    const out = target === null || leaves(path, target);
    return [tamperResult('symlink', path, 1, target === null ? 'A symbolic link leads to a place that is not known.' : `A symbolic link leads to ${JSON.stringify(target.slice(0, 300))}${out ? ', which is outside of the tree' : ''}.`, out ? { level: 'warning' } : {})];
  }
  return mode === '100755' && was !== '100755' ? [tamperResult('executable', path, 1, status === 'added' ? 'An executable file was added.' : 'The file became executable.')] : [];
}

/** True where a link leads out of the tree, or into the repository's own folder. */
function leaves(path: string, target: string): boolean {
  if (target.startsWith('/') || target.includes('\0')) return true;
  const parts = path.split('/').slice(0, -1);
  for (const name of target.split('/')) {
    if (name === '..') {
      if (parts.pop() === undefined) return true;
    } else if (name !== '.' && name !== '') parts.push(name);
  }
  return parts.includes('.git');
}

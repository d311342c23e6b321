import { describe, expect, it } from 'vitest';
import type { Changed } from '../../../src/sarif/tamper/compare.js';
import { type ByPath, pathTampering } from '../../../src/sarif/tamper/paths.js';

const file = (path: string, status: Changed['status'] = 'modified', mode = '100644'): Changed => ({ path, status, mode });
const told = (files: readonly Changed[], more: Partial<ByPath> = {}): string[] =>
  pathTampering({ files, baseModes: new Map(), links: new Map(), manifests: [], upgrade: false, ...more }).map((one) => `${one.level} ${one.rule.slice('tamper/'.length)} ${one.path}`);

const PROTECTED = [
  '.github/workflows/ci.yml', '.github/actions/a/action.yml', '.gitlab-ci.yml', '.circleci/config.yml', 'Jenkinsfile', 'ci/Jenkinsfile.prod', 'azure-pipelines.yml', 'bitbucket-pipelines.yml', 'sallyport.yaml', '.sallyport/policy.cedar', 'AGENTS.md', 'packages/a/AGENTS.md', 'CLAUDE.md',
  '.cursor/rules/a.mdc', '.github/copilot-instructions.md', '.mcp.json', 'CODEOWNERS', '.github/CODEOWNERS', '.gitattributes', '.gitmodules', '.githooks/pre-commit', '.husky/pre-push', '.pre-commit-config.yaml', '.eslintrc.json', '.eslintignore', 'eslint.config.mjs', 'biome.json', '.semgrepignore', '.gitleaks.toml',
  '.gitleaksignore', '.bandit', '.trivyignore', 'sonar-project.properties', 'ruff.toml', '.flake8', '.pylintrc', 'mypy.ini', 'codecov.yml', '.codecov.yml', '.nycrc', '.c8rc.json', '.coveragerc', '.github/dependabot.yml', 'vitest.config.ts', 'vitest.vm.config.ts', 'packages/a/jest.config.cjs', '.mocharc.yml', 'pytest.ini', 'tox.ini',
];

describe('what the list of changed files says', () => {
  it.each(PROTECTED)('%s is protected', (path) => {
    expect([told([file(path)]), told([file(path, 'added')]), told([file(path, 'deleted')])]).toEqual(Array(3).fill([`note protected-file ${path}`]));
  });

  it.each(['src/agents.js', 'docs/AGENTS.md.txt', 'src/eslintrc.js', 'README.md', 'src/github/workflows/a.yml', 'package.json', 'src/codeowners.ts', 'jenkins.md', '.gitignore', 'pyproject.toml', 'src/jest.ts', 'lib/sallyport.yaml.ts'])('%s is not', (path) => {
    expect(told([file(path)])).toEqual([]);
  });

  it('knows scripts and sections of package.json that judge, or that run by themselves', () => {
    const manifest = (base: object | null, head: object | null): string[] => pathTampering({ files: [], baseModes: new Map(), links: new Map(), upgrade: false, manifests: [{ path: 'package.json', base: base === null ? null : JSON.stringify(base), head: head === null ? 'not JSON' : JSON.stringify(head) }] }).map((one) => one.message.split('"')[1] ?? '');
    expect(manifest({ scripts: { test: 'node --test', start: 'a' } }, { scripts: { test: 'true', start: 'b' } })).toEqual(['scripts.test']);
    expect(manifest({ scripts: { lint: 'eslint' } }, {})).toEqual(['scripts.lint']);
    expect(manifest({}, { scripts: { 'test:unit': 'a', postinstall: 'b' } })).toEqual(['scripts.postinstall']);
    expect(manifest({ jest: { coverageThreshold: 90 } }, { jest: {} })).toEqual(['jest']);
    expect(manifest({ version: '1.0.0', dependencies: { a: '1' } }, { version: '1.0.1', dependencies: { a: '2' } })).toEqual([]);
    expect(manifest({}, null)).toEqual(['the whole file']);
  });

  it('misses the manifest of a lockfile, but not in an upgrade or a workspace', () => {
    expect(told([file('package-lock.json')])).toEqual(['note protected-file package-lock.json']);
    expect(told([file('a/uv.lock'), file('pyproject.toml')])).toEqual(['note protected-file a/uv.lock']);
    expect([told([file('package-lock.json'), file('package.json')]), told([file('pnpm-lock.yaml'), file('packages/a/package.json')]), told([file('package-lock.json')], { upgrade: true }), told([file('package-lock.json', 'deleted')])]).toEqual([[], [], [], []]);
  });

  it('tells links, submodules and executable bits by risk', () => {
    const link = (path: string, target: string | null): string[] => told([file(path, 'added', '120000')], { links: new Map([[path, target]]) });
    expect([link('a/b', '../c'), link('a/b', '../../c'), link('a', '/etc/passwd'), link('a', '.git/config'), link('a', null)]).toEqual([['note symlink a/b'], ['warning symlink a/b'], ['warning symlink a'], ['warning symlink a'], ['warning symlink a']]);
    expect([told([file('lib', 'added', '160000')]), told([file('lib', 'deleted', '160000')])]).toEqual([['warning submodule lib'], []]);
    expect([told([file('run.sh', 'added', '100755')]), told([file('run.sh', 'modified', '100755')], { baseModes: new Map([['run.sh', '100644']]) }), told([file('run.sh', 'modified', '100755')], { baseModes: new Map([['run.sh', '100755']]) })]).toEqual([['note executable run.sh'], ['note executable run.sh'], []]);
  });
});

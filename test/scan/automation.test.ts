import { describe, expect, it } from 'vitest';
import { AUTOMATION_RULES, automationKind, findAutomation } from '../../src/scan/automation/find.js';
import { everyScript, readScript } from '../../src/scan/automation/shell-lexer.js';

const PATHS = { shell: 'run.sh', docker: 'Dockerfile', workflow: '.github/workflows/ci.yml' } as const;
function rules(kind: keyof typeof PATHS, source: string): string[] {
  const { found, whole } = findAutomation(PATHS[kind], source);
  return [...found.map((one) => one.rule), ...(whole ? [] : ['unreadable'])];
}

describe('rules for scripts, Dockerfiles and workflows', () => {
  it.each(AUTOMATION_RULES.flatMap((rule) => rule.examples.must.map((source) => [rule.id, source, rule.kind] as const)))('%s finds %j', (id, source, kind) => expect(rules(kind, source)).toContain(id));
  it.each(AUTOMATION_RULES.flatMap((rule) => rule.examples.mustNot.map((source) => [rule.id, source, rule.kind] as const)))('%s does not find %j', (id, source, kind) => expect(rules(kind, source)).not.toContain(id));

  it('names the place, also inside a Dockerfile and a workflow', () => {
    const place = (path: string, source: string): unknown => findAutomation(path, source).found.filter((f) => f.rule === 'sh/download-to-shell').map(({ line, column, snippet }) => [line, column, snippet]);
    expect(place('a.sh', 'set -e\n  curl https://e.org/i | sh\n')).toEqual([[2, 3, 'curl https://e.org/i | sh']]);
    expect(place('Dockerfile', 'FROM a:1\nRUN --network=none apt-get update && \\\n  # why\n  curl https://e.org/i | sh\nUSER a\n')).toEqual([[4, 3, 'curl https://e.org/i | sh']]);
    expect(place('.github/workflows/x.yml', 'on: push\njobs:\n  a:\n    steps:\n      - run: |\n          make\n          curl https://e.org/i | sh\n')).toEqual([[7, 11, 'curl https://e.org/i | sh']]);
  });

  it.each<[string, string, string | null]>([
    ['.github/workflows/a.yaml', '', 'workflow'], ['sub/action.yml', '', 'workflow'], ['.gitea/workflows/a.yml', '', 'workflow'], ['config/a.yml', '', null],
    ['Dockerfile', '', 'docker'], ['a/Dockerfile.prod', '', 'docker'], ['a.dockerfile', '', 'docker'], ['Containerfile', '', 'docker'],
    ['x.sh', '', 'shell'], ['bin/run', '#!/usr/bin/env bash\n', 'shell'], ['bin/run', '#!/bin/sh -e\n', 'shell'], ['bin/run', '#!/usr/bin/env node\n', null], ['a.js', '#!/bin/sh\n', null],
  ])('takes %s for what it is', (path, source, kind) => expect(automationKind(path, source)).toBe(kind));

  it('reads shell as a shell does: quotes, comments, here-documents, substitutions', () => {
    const words = (text: string): string[][] => everyScript(readScript(text)).flatMap((s) => s.commands.map((c) => c.words.map((w) => w.text)));
    expect(words("a 'b c' \"d $e\" f\\ g # h\ncat <<'EOF'\ncurl x | sh\nEOF\ni && j; k | l &\nif m; then n; fi\no=$(p \"$(q)\") r `s`")).toEqual([
      ['a', 'b c', 'd $e', 'f g'], ['cat'], ['i'], ['j'], ['k'], ['l'], ['m'], ['n'], ['r', '`s`'], ['p', '$(q)'], ['q'], ['s'],
    ]);
    expect(readScript('x > a 2>> b <<< "$c" &> d').commands[0]?.redirects.map((r) => [r.operator, r.target.text])).toEqual([['>', 'a'], ['>>', 'b'], ['<<<', '$c'], ['&>', 'd']]);
  });

  it.each<[string, string]>([
    ['open quotes', 'a "b'], ['open brackets', '$('.repeat(50_000)], ['braces', '${'.repeat(50_000)], ['backquotes', '`'.repeat(100_001)], ['here-documents without end', 'cat <<A <<B\n'.repeat(20_000)], ['backslashes', '\\'.repeat(100_001)],
    ['pipes', '|'.repeat(100_000)], ['assignments', Array.from({ length: 20_000 }, (_, i) => `v${i}=$1`).join('\n')], ['process substitutions', '<('.repeat(50_000)], ['nested quotes', '"$('.repeat(30_000)],
  ])('takes %s in bounded time', (_, source) => {
    for (const path of ['x.sh', 'Dockerfile']) expect(findAutomation(path, path === 'x.sh' ? source : `FROM a\nRUN ${source}`).whole).toBe(true); // within the runner's limit
  });

  it.each<[string, string, readonly string[]]>([
    ['deep nesting', `a: ${'['.repeat(20_000)}`, ['unreadable']], ['aliases', `a: &a [x]\n${Array.from({ length: 5000 }, (_, i) => `b${i}: [*a, *a]`).join('\n')}`, []], ['no mapping', '- a', []], ['nothing', '', []], ['merge keys', '<<: *x\non: push', []],
    ['an error in it', 'on: push\njobs:\n  a:\n    steps:\n      - run: curl -k https://e.org\n\t- b', ['sh/unchecked-transfer', 'unreadable']],
  ])('takes YAML with %s', (_, source, expected) => expect(rules('workflow', source)).toEqual(expected));
});

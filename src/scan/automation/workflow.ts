import { isMap, isPair, isScalar, isSeq, type Node, parseDocument, type Scalar } from 'yaml';
import type { AutomationRule, Hit } from './rule.js';
import { findInShell } from './shell.js';

/** Rules for GitHub workflows and composite actions (workflow syntax: https://docs.github.com/actions/reference/workflow-syntax-for-github-actions). */
export const WORKFLOW_RULES: readonly AutomationRule[] = [
  {
    id: 'gha/script-injection', kind: 'workflow', title: 'Text of strangers in a script', cwe: 94, severity: 9.1, level: 'error',
    help: 'Give it as an environment variable and use that, quoted: `env: { TITLE: ${{ … }} }` and "$TITLE".',
    examples: {
      must: ['on: issues\njobs:\n  a:\n    steps:\n      - run: echo "${{ github.event.issue.title }}"', 'on: pull_request\njobs:\n  a:\n    steps:\n      - run: |\n          git checkout ${{ github.head_ref }}', 'on: issue_comment\njobs:\n  a:\n    steps:\n      - uses: actions/github-script@v7\n        with:\n          script: console.log(`${{ github.event.comment.body }}`)'],
      mustNot: ['on: issues\njobs:\n  a:\n    steps:\n      - run: echo "$TITLE"\n        env:\n          TITLE: ${{ github.event.issue.title }}', 'on: push\njobs:\n  a:\n    steps:\n      - run: echo ${{ github.sha }} ${{ github.event.pull_request.number }}', 'on: push\njobs:\n  a:\n    if: github.event.issue.title == 0\n    steps:\n      - run: make'],
    },
  },
  {
    id: 'gha/untrusted-checkout', kind: 'workflow', title: 'Strangers\' code with this repository\'s rights', cwe: 829, severity: 9.0, level: 'error',
    help: 'Run their code on `pull_request`, which has no secrets; let a second workflow that runs none of it do what needs rights.',
    examples: {
      must: ['on: pull_request_target\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}\n      - run: npm ci', 'on:\n  workflow_run:\n    workflows: [x]\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n        with: { ref: "${{ github.event.workflow_run.head_sha }}" }'],
      mustNot: ['on: pull_request\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}', 'on: pull_request_target\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4'],
    },
  },
  {
    id: 'gha/write-all', kind: 'workflow', title: 'Token that may write everything', cwe: 250, severity: 5.5, level: 'warning',
    help: 'Name what the job needs: `permissions: { contents: read }`.',
    examples: { must: ['on: push\npermissions: write-all\njobs:\n  a:\n    steps:\n      - run: make', 'on: push\njobs:\n  a:\n    permissions: write-all\n    steps:\n      - run: make'], mustNot: ['on: push\npermissions:\n  contents: write\njobs:\n  a:\n    steps:\n      - run: make', 'on: push\npermissions: read-all\njobs:\n  a:\n    steps:\n      - run: make'] },
  },
  {
    id: 'gha/secret-in-script', kind: 'workflow', title: 'Secret put into a script', cwe: 214, severity: 4.0, level: 'note',
    help: 'Give it as an environment variable of that step: in the script\'s text a quote or a newline of it breaks out, and it stands in a file on the runner.',
    examples: { must: ['on: push\njobs:\n  a:\n    steps:\n      - run: ./deploy --token ${{ secrets.TOKEN }}'], mustNot: ['on: push\njobs:\n  a:\n    steps:\n      - run: ./deploy\n        env: { TOKEN: "${{ secrets.TOKEN }}" }'] },
  },
  {
    id: 'gha/unpinned-action', kind: 'workflow', title: 'Action of whatever commit', cwe: 829, severity: 4.0, level: 'note',
    help: 'Name the commit: uses: owner/action@<40 digits> # v1.2.3. Whoever can move the tag runs code in this job.',
    examples: { must: ['on: push\njobs:\n  a:\n    steps:\n      - uses: someone/action@v1'], mustNot: ['on: push\njobs:\n  a:\n    steps:\n      - uses: someone/action@0123456789012345678901234567890123456789\n      - uses: ./local\n      - uses: docker://a@sha256:0000000000000000000000000000000000000000000000000000000000000000'] },
  },
];

/** What people without write access choose (GitHub, *Security hardening*, "Understanding the risk of script injections"). */
const STRANGERS = /\$\{\{[^}]*\bgithub\.(?:head_ref\b|event\.(?:issue\.(?:title|body)|pull_request\.(?:title|body|head\.(?:ref|label|repo\.default_branch))|comment\.body|review\.body|review_comment\.body|discussion\.(?:title|body)|pages\.[^}]*page_name|head_commit\.(?:message|author\.(?:email|name))|commits[^}]*\.(?:message|author\.(?:email|name))|workflow_run\.(?:head_branch|head_commit\.(?:message|author\.(?:email|name))|pull_requests[^}]*\.head\.ref)))/;
const THEIR_CODE = /github\.(?:head_ref|event\.(?:pull_request\.(?:head|merge_commit_sha)|number|workflow_run\.head_(?:sha|branch)))/;
const PINNED = /^(?:\.\/|docker:\/\/.*@sha256:[0-9a-f]{64}$|[^@]+@[0-9a-f]{40}$)/;
const MOST_NODES = 50_000;

/** `whole` is false where not all of it can be read as YAML; what can be is looked at. */
export function findInWorkflow(source: string): { readonly hits: Hit[]; readonly whole: boolean } {
  let root: Node | null;
  let whole: boolean;
  try {
    const document = parseDocument(source, { logLevel: 'silent', uniqueKeys: false, maxAliasCount: 0, keepSourceTokens: true } as Parameters<typeof parseDocument>[1]);
    root = document.contents;
    whole = document.errors.length === 0;
  } catch {
    return { hits: [], whole: false }; // nests too deeply
  }
  if (!isMap(root)) return { hits: [], whole };
  const privileged = /\b(?:pull_request_target|workflow_run)\b/.test(source.slice(...rangeOf(nodeAt(root, 'on') ?? nodeAt(root, true))));
  const hits: Hit[] = [];
  let seen = 0;
  const stack: Node[] = [root];
  while (stack.length > 0 && seen < MOST_NODES) {
    const node = stack.pop() as Node;
    seen++;
    if (isMap(node)) {
      look(node, privileged, source, hits);
      for (const pair of node.items) if (isPair(pair) && pair.value !== null) stack.push(pair.value as Node);
    } else if (isSeq(node)) stack.push(...(node.items.filter((item) => item !== null) as Node[]));
  }
  return { hits: hits.sort((a, b) => a.start - b.start), whole: whole && stack.length === 0 };
}

type Mapping = Extract<Node, { items: unknown }> & { readonly get: (key: unknown, keep: true) => unknown };

function nodeAt(map: Node, key: unknown): Node | null {
  return isMap(map) ? ((map.get(key, true) as Node | undefined) ?? null) : null;
}

function textAt(map: Node, key: string): { readonly text: string; readonly node: Scalar } | null {
  const node = nodeAt(map, key);
  return isScalar(node) && typeof node.value === 'string' ? { text: node.value, node } : null;
}

function rangeOf(node: Node | null): [number, number] {
  const range = node?.range;
  return range === null || range === undefined ? [0, 0] : [range[0], range[1]];
}

/** A step, or anything else that has these keys. */
function look(map: Mapping | Node, privileged: boolean, source: string, hits: Hit[]): void {
  const add = (rule: string, node: Node, message: string, level?: Hit['level']): void => {
    const [start, end] = rangeOf(node);
    hits.push({ rule, message, start, end, ...(level === undefined ? {} : { level }) });
  };
  const uses = textAt(map, 'uses');
  const run = textAt(map, 'run');
  const given = nodeAt(map, 'with');
  const script = uses !== null && /github-script@/.test(uses.text) && given !== null ? textAt(given, 'script') : null;
  for (const code of [run, script]) {
    if (code === null) continue;
    const stranger = STRANGERS.exec(code.text);
    if (stranger !== null) add('gha/script-injection', code.node, `"${stranger[0].slice(3).trim()}" is written into the script before it runs, and people without rights here choose it. Give it as an environment variable.`);
    if (/\$\{\{\s*secrets\./.test(code.text)) add('gha/secret-in-script', code.node, 'A secret is written into the script\'s text. Give it as an environment variable of the step.');
  }
  if (run !== null) hits.push(...shellHits(run.node, source));
  if (uses !== null && privileged && /(?:^|\/)checkout@/.test(uses.text) && given !== null && THEIR_CODE.test(source.slice(...rangeOf(nodeAt(given, 'ref'))))) add('gha/untrusted-checkout', uses.node, 'This event has the secrets and the token of this repository, and the code that is checked out is that of whoever opened the pull request.');
  if (uses !== null && !PINNED.test(uses.text)) add('gha/unpinned-action', uses.node, `Whoever can move "${uses.text}" runs code in this job.`);
  const permissions = textAt(map, 'permissions');
  if (permissions?.text === 'write-all') add('gha/write-all', permissions.node, 'Every action of this job may push, release and change issues. Name what it needs.');
}

/** Rules for shell on the source of a block, so that places are right; expressions of the workflow are blanked out first. */
function shellHits(node: Scalar, source: string): Hit[] {
  const [start, end] = rangeOf(node);
  const raw = source.slice(start, end);
  const block = /^[|>][^\n]*\n/.exec(raw)?.[0].length ?? (/^["']/.test(raw) ? 1 : 0);
  const text = raw.slice(block, /^["']/.test(raw) ? -1 : undefined).replace(/\$\{\{.*?\}\}/g, (expression) => 'x'.repeat(expression.length));
  return findInShell(text).map((hit) => ({ ...hit, start: start + block + hit.start, end: start + block + hit.end }));
}

import { compareCases } from '../../src/gate/compare.js';
import type { Unjudged } from '../../src/gate/judge.js';
import { type CheckRun, NOT_CHECKED, type TestCase } from '../../src/protocol/evidence.js';

const DIGEST = `sha256:${'0'.repeat(64)}`;

/** A case written `status id`; its file is what stands before the first ` > `. */
export function oneCase(text: string): TestCase {
  const status = text.slice(0, text.indexOf(' ')) as TestCase['status'];
  const id = text.slice(text.indexOf(' ') + 1);
  return { id, file: id.split(' > ')[0] ?? null, status, ms: 1, message: status === 'failed' ? `message of ${id}` : null };
}

export function nodeRun(cases: readonly string[], more: Partial<CheckRun> = {}): CheckRun {
  const list = cases.map(oneCase);
  return { name: 'unit', runner: 'node-test', argv: [], exit: list.some((c) => c.status === 'failed') ? 1 : 0, reason: 'exited', ms: 1, cases: list, problem: null, output: null, ...more };
}

export function commandRun(exit: number | null, more: Partial<CheckRun> = {}): CheckRun {
  return { name: 'lint', runner: 'command', argv: [], exit, reason: 'exited', ms: 1, cases: null, problem: null, output: null, ...more };
}

/** Evidence of a fix that passes, changed by `more`; cases follow from the checks unless given. */
export function evidenceOf(more: Partial<Unjudged> = {}): Unjudged {
  const checks = more.checks ?? { base: [nodeRun(['failed t.test.js > a', 'passed t.test.js > b'])], head: [nodeRun(['passed t.test.js > a', 'passed t.test.js > b'])], red: [] };
  return {
    v: 1, task: 'task_1', run: 'run_1', round: 1, kind: 'fix', agent: 'loop', request: 'mend it',
    base: { commit: 'c1', tree: 't1' }, head: { commit: 'c2', tree: 't2' }, patch: null,
    files: [{ path: 'src/a.js', status: 'modified', mode: '100644' }], skipped: [], checks, cases: compareCases(checks), definitions: [],
    scan: { ran: true, problem: null, results: [], sarif: null },
    advisories: { source: null, newest: null, ageDays: null, problem: null, results: [] }, dependencies: null, remedies: [], advice: [],
    environment: { source: 'base', snapshot: null, headSnapshot: null, driver: 'fake', enforced: [] }, instructions: [],
    policy: { name: 'solo', version: DIGEST }, citations: [], warnings: [], notChecked: [...NOT_CHECKED], ...more,
  };
}

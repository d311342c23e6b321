import { z } from 'zod';
import { type Collector, inFreshSandbox, type Side } from '../../gate/collect.js';
import type { Journal } from '../../protocol/event.js';
import type { BodyRef } from '../../protocol/evidence.js';
import { MAX_REVIEW_FINDINGS, type Reproduced, ReviewFinding, type ReviewedFinding } from '../../protocol/review.js';
import { dependenciesOf, type Snapshot } from '../../setup/snapshot.js';
import { lastOf, type RunContext } from '../context.js';
import { SUBJECT } from './review.js';
import { setupLayers } from './setup.js';
import { baseFolder, runFolder } from './source.js';
import { collector } from './verify.js';

/** Proofs that are tried; each runs in two sandboxes. */
const MOST_PROOFS = 10;
const PROOF_MS = 60_000;
const PROOF_OUTPUT = 1024 * 1024;

/** What is kept of a finding between its saying and the judging; whether its place exists is looked up there. */
export const TriedFinding = z.strictObject({ finding: ReviewFinding, reproduced: z.enum(['reproduced', 'not_reproduced', 'also_on_base', 'not_tried']), output: z.custom<BodyRef>().nullable() });
export const TriedFindings = z.array(TriedFinding).max(MAX_REVIEW_FINDINGS);
export type TriedFinding = z.infer<typeof TriedFinding>;

/**
 * Tries the proofs of a model's findings, without the model: each in a fresh sandbox on what was reviewed, and where that is a change on its base too. A proof that says yes to everything is thereby told from one
 * that shows something of the change; whether it shows what it claims is still for a person to see, so no verdict rests on it.
 */
export async function tryProofs(context: RunContext, tree: string, snapshot: Snapshot, said: BodyRef, journal: Journal): Promise<{ readonly findings: BodyRef }> {
  const findings = await context.loadJson(said, (v) => z.array(ReviewFinding).max(MAX_REVIEW_FINDINGS).parse(v));
  const subject = lastOf(await context.events(), context.run, 'change.extracted', (e) => e.data.round === SUBJECT)?.data;
  const using = await collector(context, journal);
  const layers = await setupLayers(context, snapshot);
  const common = { round: SUBJECT, dependencies: dependenciesOf(context.equipment.folders.snapshots, snapshot) };
  const base: Side = { ...common, side: 'base', lowers: [...layers, await baseFolder(context, tree)] };
  const head: Side | null = subject === undefined ? null : { ...common, side: 'head', lowers: [...layers, await runFolder(context, subject.tree)] };
  const tried: TriedFinding[] = [];
  for (const finding of findings) {
    const room = tried.filter((one) => one.reproduced !== 'not_tried').length < MOST_PROOFS;
    tried.push(finding.proof == null || !room ? { finding, reproduced: 'not_tried', output: null } : { finding, ...(await tryOne(using, finding.proof, base, head)) });
  }
  return { findings: await journal.keep(JSON.stringify(TriedFindings.parse(tried)), 'application/json') };
}

async function tryOne(using: Collector, script: string, base: Side, head: Side | null): Promise<{ readonly reproduced: Reproduced; readonly output: BodyRef | null }> {
  const on = async (side: Side): Promise<{ readonly shown: boolean; readonly output: Buffer }> => await inFreshSandbox(using, side, async (exec) => {
    const result = await exec(['/bin/sh', '-c', script], PROOF_MS, PROOF_OUTPUT);
    using.signal.throwIfAborted();
    return { shown: result.reason === 'exited' && result.exit === 0, output: Buffer.concat([result.stdout, result.stderr]) };
  });
  const there = await on(head ?? base);
  const output = there.output.length === 0 ? null : await using.journal.keep(there.output, 'text/plain');
  if (!there.shown) return { reproduced: 'not_reproduced', output };
  return { reproduced: head !== null && (await on(base)).shown ? 'also_on_base' : 'reproduced', output };
}

/** As evidence has it. */
export function reviewed({ finding, reproduced, output }: TriedFinding, exists: boolean): ReviewedFinding {
  return { ...finding, cwe: finding.cwe ?? null, proof: finding.proof ?? null, exists, reproduced, output };
}

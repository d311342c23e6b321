import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { digestOf } from '../../attest/digest.js';
import { Envelope } from '../../attest/dsse.js';
import { believable } from '../../gate/proof.js';
import { SallyportError } from '../../protocol/errors.js';
import type { Journal } from '../../protocol/event.js';
import { BodyRef, Digest } from '../../protocol/evidence.js';
import { type Seal, snapshotRecord } from '../../setup/seal.js';
import type { Snapshot } from '../../setup/snapshot.js';
import type { RunContext } from '../context.js';
import { advisorySide } from './advisories.js';
import { environmentOf, groundOf } from './source.js';
import { keepSide, SideBody, verifyBase } from './verify.js';

export const BASELINE_TYPE = 'application/vnd.sallyport.baseline+json';
/** Records beyond these are not looked for any more: the oldest go. */
const MOST_KEPT = 500;

/** That a base was measured, by which run and with what result. */
const Kept = z.strictObject({ v: z.literal(1), inputs: Digest, at: z.iso.datetime(), run: z.string(), body: BodyRef });
type Kept = z.infer<typeof Kept>;

/**
 * The base as it is, before anything was changed: measured, or as it was measured before with exactly the same inputs, not longer ago than the installation says. What is known of
 * advisories is asked anew. Only a base whose checks, scan and tools can be believed is kept; the record is signed, and one that this installation did not sign does not count.
 */
export async function measuredBase(context: RunContext, tree: string, snapshot: Snapshot, journal: Journal): Promise<{ readonly body: BodyRef }> {
  const { folders, seal, baselineAge } = context.equipment;
  if (baselineAge === 0) return await verifyBase(context, tree, snapshot, journal);
  const inputs = await inputsOf(context, tree, snapshot);
  if (inputs === null) return await verifyBase(context, tree, snapshot, journal);
  const file = join(folders.baselines, `${inputs.slice('sha256:'.length)}.json`);
  const kept = await readKept(file, seal, inputs, Date.now() - baselineAge);
  const before = kept === null ? null : await context.loadJson(kept.body, (v) => SideBody.parse(v)).catch(gone);
  if (kept !== null && before !== null) {
    await journal.record('baseline.reused', { run: kept.run, at: kept.at, inputs, body: kept.body });
    return { body: await keepSide(journal, { ...before, advisories: await advisorySide(context, context.request.baseCommit) }) };
  }
  const measured = await verifyBase(context, tree, snapshot, journal);
  if (isSound(await context.loadJson(measured.body, (v) => SideBody.parse(v)))) await keep(folders.baselines, file, seal, { v: 1, inputs, at: new Date().toISOString(), run: context.run, body: measured.body });
  return measured;
}

/** Everything that decides what a base gives, but the time; null where it cannot be told: the tree with its setup, how it is looked at, with which programs, and what holds it. Of one repository only: results do not cross. */
async function inputsOf(context: RunContext, tree: string, snapshot: Snapshot): Promise<Digest | null> {
  const { request, equipment } = context;
  const setup = snapshot.id === null ? null : await snapshotRecord(join(equipment.folders.snapshots, snapshot.id)); // a setup that is made anew may hold other packages under the same id
  if (snapshot.id !== null && setup === null) return null;
  const [{ spec, checks }, { driver, identity }] = await Promise.all([environmentOf(context), groundOf(context)]);
  const { enforced } = await driver.probe();
  const { tools, services, limits, variables, security_tests: securityTests, rootfs, toolchains } = spec;
  return digestOf({
    v: 1, repository: request.repository, tree, snapshot: snapshot.id, setup, checks, tools, services, limits, variables, securityTests, rootfs, toolchains,
    driver: driver.name, enforced: [...enforced].sort(), ground: await identity(), programs: await equipment.programs(),
  });
}

function isSound({ checks, scan, tools = [] }: SideBody): boolean {
  return checks.every(believable) && scan.problem === null && tools.every(({ run }) => run.reason === 'exited' && run.problem === null);
}

async function readKept(file: string, seal: Seal, inputs: string, oldest: number): Promise<Kept | null> {
  try {
    const payload = await seal.open(BASELINE_TYPE, Envelope.parse(JSON.parse(await readFile(file, 'utf8'))));
    const kept = payload === null ? null : Kept.parse(JSON.parse(payload.toString('utf8')));
    return kept !== null && kept.inputs === inputs && Date.parse(kept.at) >= oldest && Date.parse(kept.at) <= Date.now() ? kept : null;
  } catch {
    return null; // what cannot be read is measured
  }
}

function gone(error: unknown): null {
  if (error instanceof SallyportError && error.code === 'artifact.missing') return null;
  throw error;
}

/** Whole or not at all. That it cannot be kept harms nobody: the next run measures. */
async function keep(folder: string, file: string, seal: Seal, kept: Kept): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(draft, JSON.stringify(await seal.sign(BASELINE_TYPE, Buffer.from(JSON.stringify(kept)))), { mode: 0o600 });
    await rename(draft, file);
    await dropOldest(folder);
  } catch (error) {
    await rm(draft, { force: true });
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

async function dropOldest(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (names.length <= MOST_KEPT) return;
  const aged = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(folder, name)).catch(() => null))?.mtimeMs ?? 0 })));
  for (const { name } of aged.sort((a, b) => a.at - b.at).slice(0, names.length - MOST_KEPT)) await rm(join(folder, name), { force: true });
}

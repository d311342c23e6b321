import { readInstructions } from '../../instructions/agents-md.js';
import { git } from '../../git/command.js';
import { materialise } from '../../git/tree.js';
import { type Environment, environmentAt } from '../../setup/environment.js';
import { join } from 'node:path';
import type { Journal } from '../../protocol/event.js';
import type { Ground, RunContext } from '../context.js';

/** Lays the protected base out and notes what was left out and which instructions hold. */
export async function resolveSource(context: RunContext, journal: Journal): Promise<{ readonly tree: string }> {
  const mirror = await context.mirror();
  const commit = context.request.baseCommit;
  const tree = await treeOf(context, commit);
  await context.uses('trees', tree);
  const laid = await materialise(mirror, tree, context.equipment.folders.trees, context.equipment.owner);
  await journal.record('source.resolved', { commit, tree, skipped: [...laid.skipped] });
  const instructions = await readInstructions(mirror, commit);
  await journal.record('instructions.read', { files: [...instructions.files] });
  return { tree };
}

export async function treeOf(context: RunContext, commit: string): Promise<string> {
  return (await git(await context.mirror(), ['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`])).toString('latin1').trim();
}

/** Where the base lies: laid out by `resolveSource`, and again here should it have been cleaned away since. */
export async function baseFolder(context: RunContext, tree: string): Promise<string> {
  await context.uses('trees', tree);
  const laid = await materialise(await context.mirror(), tree, context.equipment.folders.trees, context.equipment.owner);
  return laid.path;
}

/** A tree that only this run knows. */
export async function runFolder(context: RunContext, tree: string): Promise<string> {
  const laid = await materialise(await context.mirror(), tree, join(await context.makeFolder(), 'trees'), context.equipment.owner);
  return laid.path;
}

/** What the environment of this run stands on. */
export async function groundOf(context: RunContext): Promise<Ground> {
  return await context.equipment.ground((await environmentOf(context)).spec, context.request.demands ?? []);
}

/** The environment as the protected base (or the person) defines it; a task branch has no say. */
export async function environmentOf(context: RunContext): Promise<Environment> {
  return await environmentAt(await context.mirror(), context.request.baseCommit, context.request.environment);
}

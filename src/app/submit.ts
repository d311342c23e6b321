import { stat } from 'node:fs/promises';
import { warningsOf } from '../gate/warnings.js';
import { contentDigest, describe } from '../git/change.js';
import { findSource, locatorOf, openMirror, resolveRef, updateMirror } from '../git/mirror.js';
import { keepPatch } from '../git/patch.js';
import { dirtyFiles } from '../git/worktree.js';
import type { PolicyRequest } from '../policy/schema.js';
import { SallyportError } from '../protocol/errors.js';
import { SCREEN, screen, type Screened } from '../screen/screen.js';
import type { DecisionData } from '../protocol/event.js';
import { newId } from '../protocol/ids.js';
import { type Agent, type Budget, type Kind, type ModelTarget, type Sensitivity, TaskRequest } from '../protocol/task.js';
import { environmentAt } from '../setup/environment.js';
import type { Repository, Task } from '../store/store.js';
import { factsOf } from '../workflow/facts.js';
import { type App, recordAct } from './app.js';

export interface Submission {
  readonly text: string;
  readonly kind: Kind;
  readonly agent: Agent;
  readonly model: ModelTarget | null;
  /** Folder or URL, as the person gave it. */
  readonly repository: string;
  /** Branch, tag or commit; null = HEAD, and then the working tree must be clean. */
  readonly ref: string | null;
  /** For `check`: the ref that holds the change. */
  readonly head: string | null;
  /** For `check` and `review`, in place of `head`: a patch on the base. */
  readonly patch?: Buffer;
  /** For `remediator`. */
  readonly only: TaskRequest['only'];
  /** What the person says the work is for, where screening asks. */
  readonly purpose: string | null;
  readonly label: Sensitivity | null;
  readonly budget: Budget;
  readonly environment: { readonly text: string; readonly source: string } | null;
}

export interface Submitted {
  readonly task: Task;
  readonly decision: DecisionData;
  /** What the person should know before work starts. */
  readonly notes: readonly string[];
}

/**
 * Admission: finds the repository, fixes the commit, registers and labels, asks the policy, and writes the task. A refusal is a
 * task too, on the log with its rule. Throws `policy.denied` or `policy.ask` then.
 */
export async function submit(app: App, submission: Submission): Promise<Submitted> {
  const found = await findRepository(app, submission);
  const request = checkRequest({
    text: submission.text, kind: submission.kind, agent: submission.agent, model: submission.model, repository: found.locator,
    baseCommit: found.base, headCommit: found.head, ...(found.patch === null ? {} : { patch: found.patch }), only: submission.only, requester: app.principal, budget: submission.budget, environment: submission.environment ?? (await app.equipment.definition(found.locator)),
  });
  const notes = [...found.notes, ...(await warnings(app, request))]; // reads the environment too: what is wrong with it is said before a task exists
  const repository = await registerAndLabel(app, found.locator, submission.label);
  const purpose = checkPurpose(submission.purpose);
  const screened = request.agent === 'loop' ? screen(request.text) : null; // the other agents do what they do whatever the text says
  const decision = app.policy.decide(policyRequest('submit', app.principal, request, repository));
  const admitted = { ...request, ...(decision.demands === undefined ? {} : { demands: decision.demands }), ...(decision.gate === undefined ? {} : { gate: decision.gate }) };
  const task = await app.store.createTask({ id: newId('task'), kind: request.kind, request: admitted, repository: repository.id, createdAt: new Date() });
  await recordAct(app, task.id, 'submit', [
    { type: 'task.created', data: { request: admitted } },
    ...(submission.label === null ? [] : [{ type: 'repository.labelled' as const, data: { repository: repository.id, label: submission.label, by: app.principal } }]),
    ...(screened === null ? [] : [{ type: 'request.screened' as const, data: { outcome: screened.outcome, score: screened.score, reasons: [...screened.reasons], screen: `${SCREEN.name} ${SCREEN.version}`, purpose } }]),
    { type: 'policy.decided', data: decision },
  ]);
  const unfit = screened === null ? null : screenError(screened, purpose);
  if (unfit !== null) throw await refuse(app, task, unfit);
  if (decision.effect !== 'allow') throw await refuse(app, task, policyError(decision, request));
  return { task, decision, notes };
}

/** What a person gave may be out of range: said by its name, before anything is stored. */
function checkRequest(request: TaskRequest): TaskRequest {
  const parsed = TaskRequest.safeParse(request);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new SallyportError('input.invalid', `Cannot take this task: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, { hint: 'sallyport run --help lists the options.' });
}

/** A declared purpose says something: an empty one settles no doubt. */
function checkPurpose(purpose: string | null): string | null {
  if (purpose === null) return null;
  const text = purpose.trim();
  if (text.length < 10 || text.length > 2000) throw new SallyportError('input.invalid', `Cannot take this purpose: it has ${text.length} characters, expected 10 to 2,000`, { hint: 'Say what the work is for and in whose name.' });
  return text;
}

interface Found {
  readonly locator: string;
  readonly base: string;
  readonly head: string | null;
  readonly patch: NonNullable<TaskRequest['patch']> | null;
  readonly notes: readonly string[];
}

async function findRepository(app: App, submission: Submission): Promise<Found> {
  const source = await findSource(submission.repository, app.cwd, app.exceptions);
  const mirror = await openMirror(app.folders.mirrors, locatorOf(source));
  await updateMirror(mirror, source);
  const base = await resolveRef(mirror, submission.ref ?? 'HEAD');
  const notes: string[] = [];
  const hasTree = source.kind === 'folder' && (await stat(`${source.path}/.git`).catch(() => null)) !== null;
  if (hasTree && submission.ref === null && submission.head === null) {
    const { changed, untracked } = await dirtyFiles(mirror, source.path, base.commit, app.folders.mirrors);
    if (changed.length > 0) {
      const shown = changed.slice(0, 8).join(', ') + (changed.length > 8 ? ` and ${changed.length - 8} more` : '');
      throw new SallyportError('repo.dirty', `${source.path} has changes that are not committed, so the task would not see them: ${shown}`, { hint: 'Commit or stash them, or name the commit to work on: --ref HEAD' });
    }
    if (untracked > 0) notes.push(`${untracked} untracked ${untracked === 1 ? 'file or folder is' : 'files or folders are'} not part of the task`);
  }
  const head = submission.head === null ? null : (await resolveRef(mirror, submission.head)).commit;
  if (head !== null && (await describe(mirror, base.commit, head)).files.length === 0) notes.push('base and head have the same tree');
  const { patch } = submission;
  const kept = patch === undefined ? null : { blob: await keepPatch(mirror, patch), bytes: patch.length, digest: contentDigest(patch) };
  return { locator: mirror.locator, base: base.commit, head, patch: kept, notes };
}

async function registerAndLabel(app: App, locator: string, label: Sensitivity | null): Promise<Repository> {
  const known = await app.store.registerRepository(locator, newId('repo'));
  return label === null || known.label === label ? known : await app.store.labelRepository(known.id, label, app.principal);
}

/** What the person should know before work starts: why *passed* will mean less here. */
async function warnings(app: App, request: TaskRequest): Promise<string[]> {
  const mirror = await openMirror(app.folders.mirrors, request.repository);
  const environment = await environmentAt(mirror, request.baseCommit, request.environment);
  await app.equipment.ground(environment.spec);
  for (const name of environment.spec.setup.secrets) await app.equipment.setupSecret(request.repository, name);
  return warningsOf({ ...(await factsOf(mirror, request.baseCommit, environment)), cases: null, findings: null }).map((w) => `*passed* means less here: ${w}`);
}

/** The question to the policy about an act on a task. */
export function policyRequest(action: PolicyRequest['action'], principal: string, request: TaskRequest, repository: Repository | null, verdict?: PolicyRequest['context']['verdict']): PolicyRequest {
  const { model } = request;
  return {
    principal, action, repository: request.repository,
    context: {
      sensitivity: repository?.label ?? 'restricted', labelled: (repository?.label ?? null) !== null, kind: request.kind, agent: request.agent,
      model: model?.name ?? 'none', modelLocal: model?.local ?? true, requesterIsPrincipal: principal === request.requester, ...(verdict === undefined ? {} : { verdict }),
    },
  };
}

/** A refusal stands whatever is declared; a doubt is settled by a person's word, which is on the log. */
function screenError({ outcome, score, reasons }: Screened, purpose: string | null): SallyportError | null {
  const why = `it ${reasons.join(', ')}; score ${score}`;
  if (outcome === 'refuse') return new SallyportError('screen.refused', `The request reads as malicious work: ${why}`, { hint: 'sallyport show last keeps the decision. Detections, tests and patches for your own code are welcome: say so in the request.' });
  if (outcome === 'ask' && purpose === null) return new SallyportError('screen.asked', `The request may serve an attack: ${why}`, { hint: 'Say what it is for and in whose name, it is recorded: --purpose "..."' });
  return null;
}

function policyError(decision: DecisionData, request: TaskRequest): SallyportError {
  const host = request.model?.baseUrl == null ? 'the model' : new URL(request.model.baseUrl).host;
  return decision.effect === 'ask'
    ? new SallyportError('policy.ask', `This sends files of ${request.repository} to ${host}, and the repository has no label (rule "${decision.rule}": ${decision.reason})`, { hint: 'Say how sensitive it is: --label public|internal|confidential|restricted' })
    : new SallyportError('policy.denied', `The policy "${decision.policy}" does not allow this (rule "${decision.rule}": ${decision.reason})`, { hint: 'sallyport show last keeps the decision.' });
}

async function refuse(app: App, task: Task, error: SallyportError): Promise<SallyportError> {
  await recordAct(app, task.id, 'refuse', [{ type: 'task.refused', data: { code: error.code, message: error.message.slice(0, 4000) } }]);
  await app.log.checkpoint(task.id);
  await app.store.updateTask(task.id, { state: 'refused' });
  return error;
}

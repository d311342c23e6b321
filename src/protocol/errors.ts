import { EXIT, type ExitCode, type ExitName } from './exit.js';

/**
 * Every error that Sallyport raises on purpose: its code, the exit code of a command that ends with it, and what it means.
 * docs/errors.md is held equal to this table by test/protocol/errors.test.ts.
 */
export const ERRORS = {
  'input.invalid': ['badInput', 'An argument, option or file does not have the expected form.'],
  'input.no_model': ['badInput', 'The command needs a model and none is configured.'],
  'input.unknown_task': ['badInput', 'No task has this id or prefix, or the prefix fits more than one.'],
  'input.wrong_state': ['badInput', 'The task is not in a state in which this can be done.'],
  'input.patch': ['badInput', 'The patch is none, does not fit the base, or changes what a patch cannot show.'],
  'repo.not_git': ['badInput', 'The folder is not inside a git repository.'],
  'repo.empty': ['badInput', 'The repository has no commit yet.'],
  'repo.dirty': ['badInput', 'The working tree has changes that are not committed, so the task would not see them.'],
  'repo.unknown_ref': ['badInput', 'The branch, tag or commit does not exist in the repository.'],
  'repo.url_refused': ['refused', 'The repository URL uses a scheme, host or address that is not allowed.'],
  'repo.unusable': ['infrastructure', 'git failed on the repository.'],
  'env.invalid': ['badInput', 'sallyport.yaml does not have the expected form.'],
  'apply.conflict': ['badInput', 'The working tree differs from the base in files that the change touches; nothing was written.'],
  'apply.needs_accept': ['refused', 'The change is not `passed`; applying it needs --accept "REASON".'],
  'apply.needs_security_accept': ['refused', 'The change takes away or weakens security tests; applying it needs --accept-security-tests "REASON" as well.'],
  'policy.denied': ['refused', 'A policy rule forbids this, or no rule permits it.'],
  'policy.ask': ['refused', 'A policy rule asks for a decision that only a person can give, and none was given.'],
  'screen.asked': ['refused', 'The request may serve an attack: a person must say what it is for (--purpose), which is recorded.'],
  'screen.refused': ['refused', 'The request reads as work whose purpose is malicious.'],
  'policy.invalid': ['refused', 'The policy does not load: a syntax error, or one of its examples does not hold.'],
  'approval.stale': ['refused', 'The decision names another tree, evidence or policy version than the present one.'],
  'sandbox.unavailable': ['cannotEnforce', 'The sandbox driver cannot run here.'],
  'sandbox.not_enforced': ['cannotEnforce', 'The driver enforces less than the run demands, so the run does not start.'],
  'sandbox.failed': ['infrastructure', 'The sandbox did not start, or ended when it should not have.'],
  'sandbox.protocol': ['infrastructure', 'The exec server inside the sandbox said something that is not in its protocol.'],
  'tool.missing': ['cannotEnforce', 'A program that Sallyport needs on the host is missing.'],
  'env.unavailable': ['badInput', 'The environment names a root file system or a version of a tool that this installation does not have.'],
  'env.secret_missing': ['badInput', 'The environment asks for a secret that this installation does not give to the repository.'],
  'env.service_failed': ['infrastructure', 'A service of the environment did not start or did not become ready.'],
  'setup.fetch_failed': ['infrastructure', 'Dependencies could not be fetched under the rules.'],
  'setup.snapshot_changed': ['infrastructure', 'The frozen setup that a run began on was changed since.'],
  'setup.secret_left': ['infrastructure', 'A secret that setup was given stands in what setup left.'],
  'setup.build_failed': ['infrastructure', 'The setup script or an install script failed.'],
  'egress.denied': ['refused', 'A request left the rules of the fetch phase.'],
  'advisories.unavailable': ['infrastructure', 'No advisories can be had: nothing is reachable and no copy is kept. Whether a dependency is affected is unknown.'],
  'scan.failed': ['infrastructure', 'A scanner did not finish or its report is not readable.'],
  'model.failed': ['infrastructure', 'The model endpoint failed or answered something unusable.'],
  'model.refused': ['refused', 'The gateway does not let this model, endpoint or request through.'],
  'budget.reached': ['waiting', 'A budget (tokens, money, time) is used up; the task waits with its state.'],
  'store.unavailable': ['infrastructure', 'The database cannot be started or reached.'],
  'store.newer_schema': ['infrastructure', 'The database was written by a newer version of Sallyport.'],
  'store.fenced': ['infrastructure', 'Another worker has taken this task over; this one must stop.'],
  'artifact.missing': ['infrastructure', 'A stored body is missing or does not have the digest under which it is known.'],
  'audit.broken': ['gateFailed', 'The log does not verify: the message names the entry and what is wrong with it.'],
  'disk.full': ['infrastructure', 'There is no room left on the device that holds the state directory.'],
  'process.failed': ['infrastructure', 'A program that Sallyport started failed or did not end in time.'],
  'run.interrupted': ['interrupted', 'The run was stopped; `sallyport resume` goes on from the last finished step.'],
  'internal.bug': ['infrastructure', 'An invariant of Sallyport does not hold. Please report it.'],
} as const satisfies Record<string, readonly [ExitName, string]>;

export type ErrorCode = keyof typeof ERRORS;

/**
 * The one error class. `message` says the action, quotes values, and gives what is and what was needed;
 * `hint` is one line that an operator can act on. Neither ever holds a secret.
 */
export class SallyportError extends Error {
  override readonly name = 'SallyportError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  /** Exit code of a command that ends with this error. */
  get exitCode(): ExitCode {
    return EXIT[ERRORS[this.code][0]];
  }
}

/** The same error when it already is one; otherwise `fallback` with the original as its cause. ENOSPC becomes `disk.full`. */
export function toSallyportError(error: unknown, fallback: ErrorCode = 'internal.bug'): SallyportError {
  if (error instanceof SallyportError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === '53100') {
    return new SallyportError('disk.full', `No room left on the device: ${message}`, {
      cause: error,
      hint: 'Free some space, or point SALLYPORT_HOME at another device; then `sallyport resume`.',
    });
  }
  return new SallyportError(fallback, message, { cause: error });
}

import { toSallyportError, type SallyportError } from '../protocol/errors.js';
import { EXIT } from '../protocol/exit.js';

/** What a run that cannot go on now ends with; `resume` goes on from the last finished step. */
export interface Suspension {
  readonly error: SallyportError;
}

/**
 * Whether an error leaves the run resumable: a person's stop, a budget, and trouble with the surroundings. Bad input, a
 * refusal and a machine that cannot enforce what is demanded end the task, because nothing would change by trying again.
 */
export function suspends(error: SallyportError): boolean {
  const ends: readonly number[] = [EXIT.badInput, EXIT.refused, EXIT.cannotEnforce];
  return !ends.includes(error.exitCode);
}

/** The first cause: an abort carries its reason as an error of ours. */
export function causeOf(error: unknown, signal: AbortSignal): SallyportError {
  return toSallyportError(signal.aborted ? signal.reason : error);
}

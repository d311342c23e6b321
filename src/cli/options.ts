import { InvalidArgumentError } from 'commander';
import type { ExitCode } from '../protocol/exit.js';

/** Wraps a command's body: opens nothing itself, turns errors into a message and an exit code. */
export type Act = <A extends unknown[]>(body: (...args: A) => Promise<ExitCode>) => (...args: A) => Promise<void>;

export function integer(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
}

export function gib(text: string): number {
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(text)) throw new InvalidArgumentError('expected a number of GiB such as 20 or 0.5');
  return Number(text);
}

export function money(text: string): number {
  if (!/^\d{1,7}(\.\d{1,4})?$/.test(text)) throw new InvalidArgumentError('expected an amount such as 5 or 2.50');
  return Number(text);
}

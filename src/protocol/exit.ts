/**
 * Exit codes of every command (docs/errors.md lists them; a test holds the two equal).
 *
 * `passed` 0 passed or done · `gateFailed` 1 · `badInput` 2 · `refused` 3 by policy · `cannotEnforce` 4 the machine cannot
 * enforce what is demanded · `unverified` 5 · `waiting` 6 for a person or a budget · `infrastructure` 7 · `interrupted` 130.
 */
export const EXIT = {
  passed: 0,
  gateFailed: 1,
  badInput: 2,
  refused: 3,
  cannotEnforce: 4,
  unverified: 5,
  waiting: 6,
  infrastructure: 7,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof EXIT;
export type ExitCode = (typeof EXIT)[ExitName];

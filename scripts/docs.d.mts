// Types of docs.mjs for the tests that hold its pages equal to the code.
import type { Command } from 'commander';
import type { RuleMeta } from '../src/sarif/model.js';

export declare const EXIT_MEANINGS: Readonly<Record<string, string>>;
export declare function errorsPage(code: { readonly ERRORS: Readonly<Record<string, readonly [string, string]>>; readonly EXIT: Readonly<Record<string, number>> }): string;
export declare function cliPage(program: Command): string;
export declare function rulesPage(rules: readonly (RuleMeta & { readonly examples?: { readonly must: readonly unknown[]; readonly mustNot: readonly unknown[] } })[]): string;
export declare function leaves(command: Command): Command[];
export declare function nameOf(command: Command): string;
export declare function exampleOf(command: Command): string;

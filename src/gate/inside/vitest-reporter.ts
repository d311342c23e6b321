import { createRequire } from 'node:module';

/** What vitest loads as its reporter, perhaps by a loader of its own: the class of the program that was there before all others. */
const { CaseReporter } = createRequire('/opt/sallyport/')('./vitest-main.cjs') as { readonly CaseReporter: unknown };

// biome-ignore lint/style/noDefaultExport: vitest loads the default export of a reporter
export { CaseReporter as default };

import { createRequire } from 'node:module';

/** What vitest loads as the runner of a project, perhaps by a loader of its own: the class of the program that was there before all others. */
const { runner } = createRequire('/opt/sallyport/')('./vitest-worker.cjs') as { readonly runner: () => Promise<unknown> };
const made = await runner();

// biome-ignore lint/style/noDefaultExport: vitest loads the default export of a runner
export { made as default };

import { MAKE } from './vitest-form.js';

/**
 * What vitest loads as the runner of a project: the class of the program that was there before all others. It imports nothing at run time, since where a project tests for browsers, vitest's own loader
 * makes something else of what is imported.
 */
const made = await (Reflect.get(globalThis, Symbol.for(MAKE)) as () => Promise<unknown>)();

// biome-ignore lint/style/noDefaultExport: vitest loads the default export of a runner
export { made as default };

import { deepStrictEqual, equal } from 'node:assert';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cwd } from 'node:process';
import { pathToFileURL } from 'node:url';

interface Library {
  readonly expect?: Expect;
  readonly assert?: { equal(a: unknown, b: unknown): void };
  readonly default?: Expect;
}
type Expect = (value: unknown) => { readonly to: { equal(other: unknown): void }; toBe(other: unknown): void };

/** Assertions of packages that load without effect. They are the project's own, so code under test can change them. */
const LIBRARIES: Readonly<Record<string, (library: Library) => readonly (() => void)[]>> = {
  chai: ({ expect, assert }) => [...(expect === undefined ? [] : [() => expect(1).to.equal(2)]), ...(assert === undefined ? [] : [() => assert.equal(1, 2)])],
  expect: ({ expect, default: other }) => [expect ?? other].flatMap((one) => (typeof one === 'function' ? [() => one(1).toBe(2)] : [])),
};

/**
 * The case that must fail. It fails by what tests are judged by: when one of these assertions lets a falsehood stand, it passes, and nothing of the run is believed.
 */
export async function mustFail(): Promise<void> {
  const falsehoods: (() => unknown)[] = [];
  for (const [name, of] of Object.entries(LIBRARIES)) {
    const library = await load(name);
    if (library !== null) falsehoods.push(...of(library));
  }
  failBy(falsehoods);
}

/** The same for a runner with assertions of its own: these, and Node's. */
export function failBy(falsehoods: readonly (() => unknown)[]): void {
  for (const stands of [() => equal(1, 2), () => deepStrictEqual({ a: 1 }, { a: 2 }), ...falsehoods]) {
    let failed = false;
    try {
      stands();
    } catch {
      failed = true;
    }
    if (!failed) return;
  }
  throw new Error('laid in by the gate: this case must fail');
}

/** The very instance that tests get; null where the project has none at its top. */
async function load(name: string): Promise<Library | null> {
  const folder = join(cwd(), 'node_modules', name);
  if (!existsSync(join(folder, 'package.json'))) return null;
  try {
    return createRequire(join(cwd(), 'x.js'))(name) as Library;
  } catch {
    try {
      return (await import(pathToFileURL(join(folder, 'index.js')).href)) as Library;
    } catch {
      return null;
    }
  }
}

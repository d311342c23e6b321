/** What the parts of vitest that we touch look like in versions 1 to 5. All of it may come from a process of the tests: nothing is believed without a look. */
export interface Task {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  mode: string;
  readonly fails?: boolean;
  retry?: unknown;
  concurrent?: boolean;
  shuffle?: boolean;
  suite?: Task;
  file?: Task;
  tasks?: Task[];
  readonly filepath?: string;
  readonly pool?: string;
  readonly projectName?: string;
  readonly meta?: { readonly typecheck?: boolean };
  readonly result?: { readonly state?: string; readonly duration?: number; readonly errors?: readonly { readonly message?: string; readonly stack?: string }[] };
}

export const CHANNEL = 'SALLYPORT_CHANNEL';
export const HOME = 'SALLYPORT_VITEST';
/** Where ./vitest-runner.ts finds it, and names it. */
export const MAKE = 'sallyport.vitest';
/** What is laid in as the runner of a project. */
export const RUNNER = '/opt/sallyport/vitest-runner.mjs';

/** The tests below a task, in their order. */
export function testsOf(task: Task): Task[] {
  return (task.tasks ?? []).flatMap((one) => (one.type === 'suite' ? testsOf(one) : [one]));
}

export function suitesOf(task: Task): Task[] {
  return (task.tasks ?? []).flatMap((one) => (one.type === 'suite' ? [one, ...suitesOf(one)] : []));
}

/** As vitest's own JSON reporter names them, from the outermost suite inwards. */
export function namesOf(test: Task): string[] {
  const names = [test.name];
  for (let at = test.suite; at !== undefined && at !== null; at = at.suite) names.push(at.name);
  return names.reverse();
}

/** One call to append, and who waits for it. */
interface Waiting<E, R> {
  readonly events: readonly E[];
  readonly epoch: number | null;
  readonly resolve: (stored: readonly R[]) => void;
  readonly reject: (error: unknown) => void;
}

type Write<E, R> = (task: string, events: readonly E[], epoch: number | null) => Promise<readonly R[]>;

/** Events of one transaction at most; more wait for the next. */
const MOST = 500;

/**
 * Calls that come in one turn of the loop, or while a transaction of the same task is under way, wait and go together in the next one: the task's row is locked by each, so many requests at
 * once (those of a package manager, say) would otherwise queue for it one by one. Order is kept, every caller still hears only when its own events
 * are durable, and a group that is refused is tried again call by call, so that nobody fails for another's sake.
 */
export function gathered<E, R>(write: Write<E, R>): Write<E, R> {
  const queues = new Map<string, Waiting<E, R>[]>();
  const drain = async (task: string, queue: Waiting<E, R>[]): Promise<void> => {
    while (queue.length > 0) await writeGroup(write, task, takeGroup(queue));
    queues.delete(task);
  };
  return (task, events, epoch) => new Promise((resolve, reject) => {
    const waiting = { events, epoch, resolve, reject };
    const queue = queues.get(task);
    if (queue !== undefined) return void queue.push(waiting);
    const fresh = [waiting];
    queues.set(task, fresh);
    // What is appended in the same turn of the loop goes along: the end of a command and the announcement of the next one, say.
    setImmediate(() => void drain(task, fresh));
  });
}

/** The first call and those right behind it that have its epoch, as far as they fit. */
function takeGroup<E, R>(queue: Waiting<E, R>[]): Waiting<E, R>[] {
  const first = queue[0] as Waiting<E, R>;
  let size = first.events.length;
  let count = 1;
  for (let next = queue[count]; next !== undefined && next.epoch === first.epoch && size + next.events.length <= MOST; next = queue[count]) {
    size += next.events.length;
    count++;
  }
  return queue.splice(0, count);
}

/** Settles every call of the group. Never throws. */
async function writeGroup<E, R>(write: Write<E, R>, task: string, group: readonly Waiting<E, R>[]): Promise<void> {
  const [first] = group as [Waiting<E, R>];
  try {
    const stored = await write(task, group.flatMap((w) => w.events), first.epoch);
    let at = 0;
    for (const waiting of group) waiting.resolve(stored.slice(at, (at += waiting.events.length)));
  } catch (error) {
    if (group.length === 1) return first.reject(error);
    for (const waiting of group) await writeGroup(write, task, [waiting]);
  }
}

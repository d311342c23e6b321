/**
 * Reads pages of the kernel's trace ring buffer (`trace_pipe_raw`). The binary form, since in the text form the name of a program is printed as
 * it is: a name with a line feed in it could say anything. Layout: events/header_page, events/header_event and the events' own `format` files of tracefs;
 * https://docs.kernel.org/trace/ring-buffer-design.html
 */

/** Something that happened to a process, with its time in ns on the instance's clock. `lost`: the buffer was full, and this many events (or an unknown number, 1) were overwritten. */
export type TraceEvent = { readonly at: number } & (
  | { readonly kind: 'exec'; readonly pid: number; readonly path: string }
  | { readonly kind: 'fork'; readonly parent: number; readonly child: number }
  | { readonly kind: 'lost'; readonly count: number }
);

/** Numbers and offsets of this kernel's events. */
export interface TraceFormat {
  readonly exec: { readonly id: number; readonly filename: number; readonly pid: number };
  readonly fork: { readonly id: number; readonly parent: number; readonly child: number };
}

const HEADER = 16;
const MISSED = 1 << 31;
const MISSED_STORED = 1 << 30;
const COMMIT_MASK = (1 << 20) - 1;
const [PADDING, TIME_EXTEND, TIME_STAMP] = [29, 30, 31];

/** Reads the `format` files of sched_process_exec and sched_process_fork. Null when this kernel's are not understood. */
export function readFormat(exec: string, fork: string): TraceFormat | null {
  const id = (text: string): number => Number(/^ID: (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
  const offset = (text: string, field: string, size: number): number => {
    const match = new RegExp(`field:[^;]*\\b${field}(?:\\[\\d*\\])?;\\s+offset:(\\d+);\\s+size:(\\d+);`).exec(text);
    return match?.[2] === String(size) ? Number(match[1]) : Number.NaN;
  };
  const format: TraceFormat = {
    exec: { id: id(exec), filename: offset(exec, 'filename', 4), pid: offset(exec, 'pid', 4) },
    fork: { id: id(fork), parent: offset(fork, 'parent_pid', 4), child: offset(fork, 'child_pid', 4) },
  };
  return [...Object.values(format.exec), ...Object.values(format.fork)].every(Number.isInteger) ? format : null;
}

/** The events of one page, in their order. Other events are passed over. What does not fit its own lengths ends the page as lost. */
export function readPage(page: Buffer, format: TraceFormat): TraceEvent[] {
  if (page.length < HEADER) return [];
  const commit = page.readInt32LE(8);
  const end = HEADER + (commit & COMMIT_MASK);
  let time = Number(page.readBigUInt64LE(0));
  const events: TraceEvent[] = [];
  if ((commit & MISSED) !== 0) {
    const stored = (commit & MISSED_STORED) !== 0 && end + 8 <= page.length;
    events.push({ at: time, kind: 'lost', count: stored ? Math.max(1, Number(page.readBigUInt64LE(end) & 0xffffffffn)) : 1 });
  }
  const broken = (): TraceEvent[] => [...events, { at: time, kind: 'lost', count: 1 }];
  if (end > page.length) return broken();
  for (let at = HEADER; at + 4 <= end; ) {
    const head = page.readUInt32LE(at);
    const type = head & 31;
    if (type === TIME_EXTEND || type === TIME_STAMP) {
      if (at + 8 > end) return broken();
      const delta = page.readUInt32LE(at + 4) * 2 ** 27 + (head >>> 5);
      time = type === TIME_STAMP ? delta : time + delta;
      at += 8;
      continue;
    }
    if (type === PADDING && head >>> 5 === 0) break;
    time += head >>> 5;
    const long = type === PADDING || type === 0;
    if (long && at + 8 > end) return broken();
    const size = long ? page.readUInt32LE(at + 4) : type * 4;
    const next = at + 4 + size;
    if (size < 4 || next > end) return broken();
    const event = type === PADDING ? null : readEvent(page.subarray(at + (long ? 8 : 4), next), format, time);
    if (event !== null) events.push(event);
    at = next;
  }
  return events;
}

function readEvent(data: Buffer, { exec, fork }: TraceFormat, at: number): TraceEvent | null {
  if (data.length < 8) return null;
  const id = data.readUInt16LE(0);
  if (id === exec.id && data.length >= Math.max(exec.filename, exec.pid) + 4) {
    const place = data.readUInt32LE(exec.filename); // __data_loc: length in the high half, offset in the low one
    const text = data.subarray(place & 0xffff, (place & 0xffff) + (place >>> 16));
    const nul = text.indexOf(0);
    return { at, kind: 'exec', pid: data.readInt32LE(exec.pid), path: text.subarray(0, nul === -1 ? text.length : nul).toString('utf8') };
  }
  if (id === fork.id && data.length >= Math.max(fork.parent, fork.child) + 4) return { at, kind: 'fork', parent: data.readInt32LE(fork.parent), child: data.readInt32LE(fork.child) };
  return null;
}

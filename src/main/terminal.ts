import type { RawTerminal, Terminal } from '../cli/surface.js';
import type { TerminalSize } from '../sandbox/sandbox.js';

/** The person's terminal; null when standard input or output is none. */
export function openTerminal(): Terminal | null {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return null;
  const size = (): TerminalSize => ({ columns: stdout.columns, rows: stdout.rows });
  return { size, raw: () => raw(size) };
}

/** Every key goes to the sandbox as it is typed, Ctrl-C too, until this is disposed. */
function raw(size: () => TerminalSize): RawTerminal {
  const { stdin, stdout } = process;
  const over = new AbortController();
  stdin.setRawMode(true);
  return {
    typed: stdin.iterator({ destroyOnReturn: false }),
    resized: sizes(size, over.signal),
    [Symbol.dispose]() {
      over.abort();
      stdin.setRawMode(false);
      stdin.pause();
      stdout.write('\x1b[0m');
    },
  };
}

async function* sizes(size: () => TerminalSize, over: AbortSignal): AsyncGenerator<TerminalSize> {
  while (!over.aborted) {
    const changed = await new Promise<boolean>((resolve) => {
      const done = (value: boolean) => (): void => {
        process.stdout.off('resize', onResize);
        over.removeEventListener('abort', onAbort);
        resolve(value);
      };
      const [onResize, onAbort] = [done(true), done(false)];
      process.stdout.once('resize', onResize);
      over.addEventListener('abort', onAbort, { once: true });
    });
    if (changed) yield size();
  }
}

/** What is piped into this program; null when standard input is a terminal or closed. */
export function pipedInput(): AsyncIterable<Buffer> | null {
  return process.stdin.isTTY ? null : process.stdin;
}

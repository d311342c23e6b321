/** A part of a text that is set off by its indentation: a line, and all that stands deeper below it. */
export interface Block {
  /** The first line, without indentation and line end. */
  readonly key: string;
  readonly text: string;
}

/** The blocks of a text whose first lines are indented by exactly so many blanks, with what stands before the first. Joined again they are the text. Lines that close one, as empty ones, belong to the block before. */
export function blocksOf(text: string, indent: number): { readonly head: string; readonly blocks: readonly Block[] } {
  const begins = (line: string): boolean => line.search(/[^ ]/) === indent && !/^\s*(?:#|\r?\n?$)/.test(line);
  const blocks: { key: string; lines: string[] }[] = [];
  const head: string[] = [];
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    if (begins(line)) blocks.push({ key: line.trim(), lines: [line] });
    else (blocks.at(-1)?.lines ?? head).push(line);
  }
  return { head: head.join(''), blocks: blocks.map(({ key, lines }) => ({ key, text: lines.join('') })) };
}

/** What is the same stays in its order; what is new comes after the one that the client puts before it. */
export function ordered(before: readonly string[], now: readonly string[]): string[] {
  const present = new Set(now);
  const known = new Set(before.filter((path) => present.has(path)));
  const after = new Map<string | null, string[]>();
  let last: string | null = null;
  for (const path of now) {
    if (known.has(path)) last = path;
    else after.set(last, [...(after.get(last) ?? []), path]);
  }
  return [...(after.get(null) ?? []), ...[...known].flatMap((path) => [path, ...(after.get(path) ?? [])])];
}

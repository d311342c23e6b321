/** What the program of ./main.ts is asked, on its standard input. */
export interface Asked {
  readonly form: 'v8' | 'istanbul';
  /** Where the run left its coverage. */
  readonly folder: string;
  /** True: what the run loaded tells all that it executed. Else a file that was not loaded may have run in another form. */
  readonly whole: boolean;
  /** True: only what ran out of the file itself counts, not what was compiled from it into another. */
  readonly direct?: boolean;
  readonly files: readonly { readonly path: string; readonly lines: readonly (readonly [number, number])[] }[];
}

/** Of one file: which of the lines that were asked for can be executed, and which of these were; or why that is not known. */
export type Reduced =
  | { readonly path: string; readonly executable: readonly (readonly [number, number])[]; readonly executed: readonly (readonly [number, number])[] }
  | { readonly path: string; readonly reason: string };

/** `problem` = nothing can be told although it should be there. */
export interface Report {
  readonly problem: string | null;
  readonly files: readonly Reduced[];
}

/** Sorted lines as ranges. */
export function rangesOf(lines: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const line of lines) {
    const last = ranges.at(-1);
    if (last !== undefined && line === last[1] + 1) last[1] = line;
    else ranges.push([line, line]);
  }
  return ranges;
}

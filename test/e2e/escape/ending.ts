/** What rows share and make only when one needs it: ended after the last row, latest first. */
const endings: (() => Promise<unknown>)[] = [];

export function atEnd(body: () => Promise<unknown>): void {
  endings.push(body);
}

export async function endAll(): Promise<void> {
  for (const body of endings.splice(0).reverse()) await body();
}

/**
 * The largest part of `items` for which `holds` is true that halving finds: a group that breaks is cut in two, each half is tried on
 * top of what is kept already, and a single one that breaks is dropped. `holds` is never asked about nothing.
 */
export async function bisect<T>(items: readonly T[], holds: (kept: readonly T[]) => Promise<boolean>): Promise<T[]> {
  const kept: T[] = [];
  const add = async (group: readonly T[]): Promise<void> => {
    if (group.length === 0) return;
    if (await holds([...kept, ...group])) {
      kept.push(...group);
      return;
    }
    if (group.length === 1) return;
    const middle = Math.ceil(group.length / 2);
    await add(group.slice(0, middle));
    await add(group.slice(middle));
  };
  // The whole is known to break, or this would not have been called.
  const middle = Math.ceil(items.length / 2);
  await add(items.slice(0, middle));
  await add(items.slice(middle));
  return kept;
}

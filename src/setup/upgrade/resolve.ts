export async function resolveUpgrades(_: unknown, __: unknown): Promise<{ files: { path: string; body: Buffer }[] }> { return { files: [] }; }

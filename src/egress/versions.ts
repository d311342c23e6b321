export async function readVersions(_: unknown): Promise<never[]> { return []; }

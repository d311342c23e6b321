/** One step of the schema, numbered from 1 without gaps, never edited once released. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

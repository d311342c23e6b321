/**
 * What a package offers to others, as a scan tells it, so that base and head can be compared. The scanner's bundle imports this without zod.
 */
export const OFFERED_KINDS = ['function', 'class', 'value', 'type', 'module', 'program', 'file', 'other'] as const;
export type OfferedKind = (typeof OFFERED_KINDS)[number];

export interface Offered {
  /** As it is reached from the entry: `parse`, `Parser.run`; '' for the entry itself. */
  readonly name: string;
  /** `other` = it comes from elsewhere than the tree. */
  readonly kind: OfferedKind;
  /** Of a function, or of the constructor of a class: without comments and needless white space; null where there are none, or they stand elsewhere. */
  readonly parameters: string | null;
}

/** One way into a package, by which others reach what it offers. */
export interface Entry {
  /** `main`, `exports ./sub import`, `module shop.cart`; below the root's folder of the package, where that is not the root. */
  readonly entry: string;
  /** The file. */
  readonly path: string;
  readonly offered: readonly Offered[];
  /** Why not all of it could be told, or null. */
  readonly unclear: string | null;
}

export const MOST_ENTRIES = 400;
/** Of one entry. */
export const MOST_OFFERED = 8000;
export const MOST_NAME = 300;
export const MOST_PARAMETERS = 400;

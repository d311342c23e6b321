/**
 * A form that a secret has. Sources of the formats: the issuers' own documentation of their token prefixes.
 * Every regex begins with a literal or a bounded class and repeats only disjoint, bounded classes, so matching is linear in the text:
 * the text is hostile.
 */
export interface SecretRule {
  readonly id: string;
  /** What was found, as a noun. */
  readonly title: string;
  /** With the flags `g` and `d`; group `s` is the secret when only a part of the match is one. */
  readonly pattern: RegExp;
  /** Lower-case text one of which must occur, else the regex is not run. */
  readonly hints: readonly string[];
  /** False for placeholders, references and words of the language. */
  readonly accept?: (secret: string) => boolean;
  /** Pieces are joined, so that no file of this repository holds something that looks like a secret. */
  readonly examples: { readonly must: readonly (readonly string[])[]; readonly mustNot: readonly string[] };
}

import type { Level, RuleMeta } from '../../sarif/model.js';

/** A rule for what builds and ships a project: shell scripts, Dockerfiles, workflows. Each example is a whole file of the rule's kind, and must, or must not, give a result of this rule. */
export interface AutomationRule extends RuleMeta {
  readonly kind: 'shell' | 'docker' | 'workflow';
  readonly examples: { readonly must: readonly string[]; readonly mustNot: readonly string[] };
}

/** A place in the text of a file, by offsets. */
export interface Hit {
  readonly rule: string;
  readonly message: string;
  readonly start: number;
  readonly end: number;
  /** Where it is not the rule's. */
  readonly level?: Level;
}

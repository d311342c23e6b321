import { createHash } from 'node:crypto';
import type { SgNode } from '@ast-grep/napi';
import { MOST_NAME, MOST_PARAMETERS, type OfferedKind } from '../../sarif/interface/model.js';
import { withoutSecrets } from '../secrets.js';

/** What a name stands for in its own file, before what it names elsewhere is looked up. Plain data: no node outlives its file. */
export type Target =
  | { readonly at: 'thing'; readonly kind: OfferedKind; readonly parameters: string | null; readonly members: ReadonlyMap<string, Target>; /** Names of its file that it takes members from: what a class extends, what an object spreads. */ readonly from: readonly Target[] }
  | { readonly at: 'local'; readonly name: string }
  /** `name` null: the whole module. */
  | { readonly at: 'import'; readonly from: string; readonly name: string | null };

/** A file, as far as others can see into it. */
export interface ModuleNames {
  readonly locals: ReadonlyMap<string, Target>;
  /** By the name that others use. */
  readonly exports: ReadonlyMap<string, Target>;
  /** Modules of which all is passed on. */
  readonly stars: readonly string[];
  /** Where the file lists what it offers: nothing else is, and what is not found here is brought by a star. */
  readonly only?: ReadonlySet<string>;
  readonly unclear: string | null;
}

export function thing(kind: OfferedKind, parameters: string | null = null, members: ReadonlyMap<string, Target> = new Map(), from: readonly Target[] = []): Target {
  return { at: 'thing', kind, parameters, members, from };
}

/** Nodes that are one word of their language, whatever stands in them. */
const WHOLE: ReadonlySet<string> = new Set(['string', 'template_string', 'regex', 'concatenated_string']);
const MOST_TEXT = 20_000;

/** A list of parameters without comments and needless white space, so that how it is laid out makes no difference. */
export function parametersText(node: SgNode | null): string | null {
  if (node === null) return null;
  const { start, end } = node.range();
  const text = end.index - start.index > MOST_TEXT ? node.text() : joined(words(node));
  return shortened(text.startsWith('(') ? text : `(${text})`);
}

export function joined(parts: readonly string[]): string {
  let text = '';
  for (const [i, part] of parts.entries()) {
    if (part === ',' && /^[)\]}]$/.test(parts[i + 1] ?? '')) continue;
    text += (/[\w$]$/.test(text) && /^[\w$]/.test(part)) || text.endsWith(',') ? ` ${part}` : part;
  }
  return text;
}

export function words(node: SgNode): string[] {
  const kind = String(node.kind());
  if (kind === 'comment') return [];
  const children = WHOLE.has(kind) ? [] : node.children();
  return children.length === 0 ? [node.text()].filter((text) => text !== '') : children.flatMap(words);
}

/** As it may leave the sandbox. What is cut off is told by its digest, so that no change of it goes unseen. */
export function shortened(text: string): string {
  const whole = clean(text).toWellFormed();
  return whole.length <= MOST_PARAMETERS ? whole : `${whole.slice(0, MOST_PARAMETERS - 40)}… ${createHash('sha256').update(whole).digest('hex').slice(0, 16)}`;
}

/** A name as it may leave the sandbox. */
export function nameText(name: string): string {
  return clean(name).toWellFormed().slice(0, MOST_NAME);
}

/** No secret is written in short words alone, of which most names and parameters are made; looking for one takes longer than all the rest. */
function clean(text: string): string {
  return /['"`]|[\w+/=-]{17}/.test(text) ? withoutSecrets(text) : text;
}

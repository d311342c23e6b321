import { JsonText, type JsonNode, type Piece } from './json-text.js';

/** A change of package.json. */
export type Edit =
  | { readonly kind: 'range'; readonly group: 'dependencies' | 'devDependencies' | 'optionalDependencies'; readonly name: string; readonly range: string }
  /** `path` are the keys below `overrides`, or below what takes its place for another client. */
  | { readonly kind: 'override'; readonly path: readonly string[]; readonly version: string };

/** A project's own exact version of a package of Python, in place of another. */
export interface Specifier {
  readonly name: string;
  /** As it stands, without blanks: `==1.0.0`. */
  readonly from: string;
  readonly to: string;
}

/** package.json with the edits made; everything else stays as it was, byte by byte. `overrides`: where they stand. */
export function editManifest(text: string, edits: readonly Edit[], overrides: readonly string[] = ['overrides']): string {
  return edits.reduce((now, edit) => setValue(now, edit.kind === 'range' ? [edit.group, edit.name] : [...overrides, ...edit.path], edit.kind === 'range' ? edit.range : edit.version), text);
}

/** A JSON text in which the text at `path` is another; objects on the way are made where they are missing. */
export function setValue(text: string, path: readonly string[], value: string): string {
  const json = new JsonText(text);
  return text.slice(0, json.root.start) + within(json, json.root, 0, path, value) + text.slice(json.root.end);
}

/** The text of an object in which the value at `path` is another. Where a version stands on the way, it becomes the object's own (`.`). */
function within(json: JsonText, node: JsonNode, depth: number, [key, ...rest]: readonly string[], value: string): string {
  if (key === undefined || node.members === null) throw new SyntaxError('expected an object');
  const known = json.member(node, key);
  if (known === undefined) return json.object(node, depth, [...node.members.map((keep) => ({ keep })), { key, value: nested(rest, value) }]);
  const pieces = node.members.map((keep): Piece => (keep === known ? { keep, text: inMember(json, known.value, depth + 1, rest, value) } : { keep }));
  return json.object(node, depth, pieces);
}

function inMember(json: JsonText, node: JsonNode, depth: number, path: readonly string[], value: string): string {
  if (node.members !== null) return within(json, node, depth, path.length === 0 ? ['.'] : path, value);
  if (path.length === 0) return JSON.stringify(value);
  if (typeof json.value(node) !== 'string') throw new SyntaxError('expected an object or a version');
  return json.write({ '.': json.value(node), ...(nested(path, value) as object) }, depth);
}

function nested(path: readonly string[], value: string): unknown {
  return path.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value);
}

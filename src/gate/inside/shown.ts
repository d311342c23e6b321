import { relative, sep } from 'node:path';
import { cwd } from 'node:process';

const from = relative;
const root = cwd();
/** Relative to the workspace, else as it is. Code under test may change what these say later. */
export function shown(file: string): string {
  const inside = from(root, file);
  return inside.startsWith('..') ? file : inside.split(sep).join('/');
}

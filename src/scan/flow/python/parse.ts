import { parse } from '@ast-grep/napi';
import { hasPython, PYTHON } from '../../grammars.js';
import type { Program } from '../ir.js';
import { lowerModule } from './lower.js';

/** A Python file in the intermediate form; null where the grammar is not there. Python 2 is read as far as the grammar does. */
export function parsePython(source: string): Program | null {
  if (!hasPython()) return null;
  try {
    return { body: lowerModule(parse(PYTHON, source).root()), partial: false };
  } catch {
    return null; // nested deeper than the stack
  }
}

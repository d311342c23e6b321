import type { Notice } from '../../sarif/model.js';
import { type Content, type FileFacts, MOST_CASES, MOST_MARKS, type Mark } from '../../sarif/tamper/model.js';
import { isGenerated } from '../code.js';
import { withoutSecrets } from '../secrets.js';
import { hasShapeRules } from '../shapes.js';
import { suppressionsOf } from './comments.js';
import { hiddenIn } from './hidden.js';
import { testsOf } from './tests.js';

/** First bytes of programs: ELF, Windows, Mach-O (four forms), WebAssembly, Java, compiled Lua. */
const MAGIC: readonly string[] = ['7f454c46', '4d5a', 'feedface', 'feedfacf', 'cefaedfe', 'cffaedfe', '0061736d', 'cafebabe', '1b4c7561'];
const PROGRAM = /\.(?:exe|dll|so(?:\.[\d.]+)?|dylib|node|wasm|jar|class|pyc|pyo|pyd|o|a|lib|com|scr|msi|apk|deb|rpm|whl|egg)$/i;
const SCRIPT = /\.(?:[cm]?jsx?|css)$/i;

/** Characters of all facts of a tree, and files with any: a report has a length too. */
const MOST_TEXT = 8 * 1024 * 1024;

/** The facts of a tree as it is walked. What does not fit is said by its path, so that a change of that file is not taken for looked at. */
export class FactsOfTree {
  readonly all: FileFacts[] = [];
  readonly #note: (notice: Notice) => void;
  #length = 0;

  constructor(note: (notice: Notice) => void) {
    this.#note = note;
  }

  add(path: string, bytes: Buffer): void {
    const facts = tamperFacts(path, bytes);
    if (facts === null) return;
    this.#length += facts === 'too_many' ? 0 : JSON.stringify(facts).length + 3 * path.length + 400;
    if (facts === 'too_many' || this.#length > MOST_TEXT) this.#note({ level: 'note', id: 'tamper_facts', message: 'holds more tests or marks than are compared', path });
    else this.all.push(facts);
  }
}

/** Facts about one file, null where there is nothing to say of it, `too_many` where there is more than can be compared. */
export function tamperFacts(path: string, bytes: Buffer): FileFacts | 'too_many' | null {
  const content = contentOf(path, bytes);
  const text = content === 'binary' || content === 'program' ? '' : bytes.toString('utf8');
  // What a tool made has the marks and names of its maker; that it is there is said. Code with a NUL runs, and was made so that diffs do not show it.
  const made = content === 'generated' && !bytes.includes(0);
  const [suppressions, hidden, tests] = made ? [[], [], null] : [suppressionsOf(path, text), hiddenIn(path, text), testsOf(path, text)];
  if (content === 'text' && suppressions.length + hidden.length === 0 && tests === null) return null;
  if (Math.max(suppressions.length, hidden.length, tests?.marks.length ?? 0) > MOST_MARKS || (tests?.cases.length ?? 0) > MOST_CASES) return 'too_many';
  return { path, content, suppressions: suppressions.map(shown), hidden: hidden.map(shown), tests: tests === null ? null : { cases: tests.cases.map((one) => ({ ...one, name: withoutSecrets(one.name).slice(0, 1000).toWellFormed() })), marks: tests.marks.map(shown) } };
}

/** As it may leave the sandbox: a comment is source text, which may hold secrets. */
function shown(mark: Mark): Mark {
  return { ...mark, text: withoutSecrets(mark.text).slice(0, 500).toWellFormed() };
}

function contentOf(path: string, bytes: Buffer): Content {
  const head = bytes.subarray(0, 4).toString('hex');
  const binary = bytes.includes(0);
  if (binary && hasShapeRules(path)) return 'generated';
  // Without a NUL it is text that begins like one ("MZ").
  if (binary) return PROGRAM.test(path) || MAGIC.some((magic) => head.startsWith(magic)) ? 'program' : 'binary';
  return SCRIPT.test(path) && isGenerated(path, bytes.toString('utf8')) ? 'generated' : 'text';
}

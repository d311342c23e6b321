/**
 * Shell text (POSIX shell, and what bash adds) as commands, for rules that look at words and pipes. Not an interpreter: control words are skipped, functions are commands like any other.
 * Never throws; what is cut off ends where the text ends. Time is linear in the text but for nesting, which is bounded.
 * Grammar: POSIX.1-2024, Shell Command Language, 2.3 Token Recognition and 2.10 Shell Grammar.
 */
export interface Word {
  /** Source, quotes included. */
  readonly source: string;
  /** Text with quotes taken off; an expansion stands in it as it is written. */
  readonly text: string;
  /** Names that are expanded in it (`1`, `@`, `HOME`), and whether each is quoted. */
  readonly expands: readonly { readonly name: string; readonly quoted: boolean; /** `${x:?}`, `${x@Q}`, `${x:-y}`: what follows the name. */ readonly with: string }[];
  /** Commands whose output it takes: `$(…)`, backquotes, `<(…)`. */
  readonly substitutes: readonly Script[];
}

export interface Command {
  /** `NAME=value` in front, or alone. */
  readonly assigns: readonly { readonly name: string; readonly value: Word }[];
  readonly words: readonly Word[];
  readonly redirects: readonly { readonly operator: string; readonly target: Word }[];
  /** True when its output goes into the next command. */
  readonly piped: boolean;
  /** Offsets into the text that was read. */
  readonly start: number;
  readonly end: number;
}

export interface Script {
  readonly commands: readonly Command[];
}

const MAX_DEPTH = 40;
const CONTROL: ReadonlySet<string> = new Set(['if', 'then', 'else', 'elif', 'fi', 'for', 'while', 'until', 'do', 'done', 'case', 'esac', 'in', 'select', 'function', 'time', '!', '{', '}', '[[', 'coproc']);
const ASSIGN = /^([A-Za-z_]\w*)(?:\[[^\]]*\])?\+?=/;

export function readScript(text: string): Script {
  return new Reader(text, 0, text.length, 0).script();
}

/** A script and those in its substitutions, outermost first. */
export function everyScript(script: Script): Script[] {
  return [script, ...script.commands.flatMap((command) => wordsOf(command).flatMap((word) => word.substitutes.flatMap(everyScript)))];
}

export function wordsOf({ assigns, words, redirects }: Command): readonly Word[] {
  return [...assigns.map((a) => a.value), ...words, ...redirects.map((r) => r.target)];
}

class Reader {
  readonly #text: string;
  readonly #end: number;
  readonly #depth: number;
  #at: number;
  /** Ends of here-documents that begin at the next line. */
  #waiting: { readonly word: string; readonly tabs: boolean }[] = [];

  constructor(text: string, at: number, end: number, depth: number) {
    this.#text = text;
    this.#at = at;
    this.#end = end;
    this.#depth = depth;
  }

  script(): Script {
    const commands: Command[] = [];
    while (this.#at < this.#end) {
      const before = this.#at;
      const command = this.#command();
      if (command !== null) commands.push(command);
      if (this.#at === before) this.#at++; // whatever it is, it is no part of a command
    }
    return { commands };
  }

  /** Up to and with the operator that ends it. Null for an empty one. */
  #command(): Command | null {
    const assigns: Command['assigns'][number][] = [];
    const words: Word[] = [];
    const redirects: Command['redirects'][number][] = [];
    let start = -1;
    for (;;) {
      this.#blanks();
      const c = this.#text[this.#at];
      if (this.#at >= this.#end || c === undefined) return this.#made(assigns, words, redirects, start, false);
      if (c === '\n') {
        this.#at++;
        this.#documents();
        return this.#made(assigns, words, redirects, start, false);
      }
      const operator = /^(?:\|\||&&|;;&?|;&|\|&|&(?!>)|[|;()])/.exec(this.#text.slice(this.#at, this.#at + 3))?.[0];
      if (operator !== undefined) {
        const made = this.#made(assigns, words, redirects, start, operator === '|' || operator === '|&');
        this.#at += operator.length;
        return made;
      }
      if (start === -1) start = this.#at;
      const redirect = /^(?:\d*(?:<<<|<<-?|>>|>\||<>|[<>]&|>(?!\()|<(?!\())|&>>?)/.exec(this.#text.slice(this.#at, this.#at + 8))?.[0];
      if (redirect !== undefined) {
        this.#at += redirect.length;
        this.#blanks();
        const target = this.#word();
        if (/<<-?$/.test(redirect) && !redirect.endsWith('<<<')) this.#waiting.push({ word: target.text, tabs: redirect.endsWith('-') });
        redirects.push({ operator: redirect.replace(/^\d+/, ''), target });
        continue;
      }
      const word = this.#word();
      if (word.source === '') return this.#made(assigns, words, redirects, start, false);
      const assign = words.length === 0 ? ASSIGN.exec(word.source) : null;
      if (assign !== null) assigns.push({ name: assign[1] as string, value: { ...word, text: word.text.slice(assign[0].length) } });
      else if (words.length === 0 && CONTROL.has(word.source)) start = -1;
      else words.push(word);
    }
  }

  #made(assigns: Command['assigns'], words: readonly Word[], redirects: Command['redirects'], start: number, piped: boolean): Command | null {
    if (assigns.length + words.length + redirects.length === 0) return null;
    return { assigns, words, redirects, piped, start, end: Math.min(this.#at, this.#end) };
  }

  #blanks(): void {
    for (; this.#at < this.#end; this.#at++) {
      const c = this.#text[this.#at];
      if (c === '\\' && this.#text[this.#at + 1] === '\n') this.#at++;
      else if (c === '#') {
        const line = this.#text.indexOf('\n', this.#at);
        this.#at = line === -1 || line > this.#end ? this.#end : line;
        return;
      } else if (c !== ' ' && c !== '\t' && c !== '\r') return;
    }
  }

  /** Skips the bodies of here-documents: they are data, not commands. */
  #documents(): void {
    for (const { word, tabs } of this.#waiting.splice(0)) {
      while (this.#at < this.#end) {
        const line = this.#text.indexOf('\n', this.#at);
        const stop = line === -1 ? this.#end : line;
        const body = this.#text.slice(this.#at, stop);
        this.#at = Math.min(stop + 1, this.#end);
        if ((tabs ? body.replace(/^\t+/, '') : body).replace(/\r$/, '') === word) break;
      }
    }
  }

  #word(): Word {
    const from = this.#at;
    const expands: Word['expands'][number][] = [];
    const substitutes: Script[] = [];
    let text = '';
    let quote: '"' | null = null;
    for (; this.#at < this.#end; ) {
      const c = this.#text[this.#at] as string;
      if (c === '\\') {
        const next = this.#text[this.#at + 1] ?? '';
        if (next !== '\n') text += quote === null || '"\\$`'.includes(next) ? next : c + next;
        this.#at += 2;
      } else if (c === "'" && quote === null) {
        const close = this.#until("'", this.#at + 1);
        text += this.#text.slice(this.#at + 1, close);
        this.#at = close + 1;
      } else if (c === '"') {
        quote = quote === null ? '"' : null;
        this.#at++;
      } else if (c === '`') {
        const close = this.#until('`', this.#at + 1);
        text += this.#text.slice(this.#at, close + 1);
        this.#nested(this.#at + 1, close, substitutes);
        this.#at = close + 1;
      } else if (c === '$' || ((c === '<' || c === '>') && quote === null && this.#text[this.#at + 1] === '(')) {
        const start = this.#at;
        this.#dollar(quote !== null, expands, substitutes);
        text += this.#text.slice(start, this.#at);
      } else if (quote === null && (/\s/.test(c) || ';|&()<>'.includes(c))) {
        break;
      } else {
        text += c;
        this.#at++;
      }
    }
    this.#at = Math.min(this.#at, this.#end);
    return { source: this.#text.slice(from, this.#at), text, expands, substitutes };
  }

  /** `$x`, `${x…}`, `$(…)`, `$((…))`, `$'…'`, `<(…)`. */
  #dollar(quoted: boolean, expands: Word['expands'][number][], substitutes: Script[]): void {
    const next = this.#text[this.#at + 1];
    if (next === '(') {
      const close = this.#closing(this.#at + 1, '(', ')');
      if (this.#text[this.#at + 2] !== '(') this.#nested(this.#at + 2, close, substitutes);
      this.#at = close + 1;
    } else if (next === '{') {
      const close = this.#closing(this.#at + 1, '{', '}');
      const inner = this.#text.slice(this.#at + 2, close);
      const name = /^[#!]?([A-Za-z_]\w*|\d+|[@*#?$!-])/.exec(inner);
      if (name !== null && !inner.startsWith('#')) expands.push({ name: name[1] as string, quoted, with: inner.slice(name[0].length) });
      this.#at = close + 1;
    } else if (next === "'" && !quoted) {
      this.#at++; // the quoted text follows; its escapes do not matter here
    } else {
      const name = /^[A-Za-z_]\w*|^[\d@*#?$!-]/.exec(this.#text.slice(this.#at + 1, this.#at + 100))?.[0];
      if (name !== undefined) expands.push({ name, quoted, with: '' });
      this.#at += 1 + (name?.length ?? 0);
    }
  }

  #nested(from: number, to: number, substitutes: Script[]): void {
    if (this.#depth < MAX_DEPTH) substitutes.push(new Reader(this.#text, from, Math.min(to, this.#end), this.#depth + 1).script());
  }

  #until(mark: string, from: number): number {
    for (let at = from; at < this.#end; at++) {
      if (mark === '`' && this.#text[at] === '\\') at++;
      else if (this.#text[at] === mark) return at;
    }
    return this.#end;
  }

  /** Where the bracket at `from` closes; quotes are looked past. */
  #closing(from: number, open: string, close: string): number {
    let depth = 0;
    let quote: string | null = null;
    for (let at = from; at < this.#end; at++) {
      const c = this.#text[at];
      if (c === '\\' && quote !== "'") at++;
      else if (quote !== null) {
        if (c === quote) quote = null;
        else if (quote === '"' && c === open && this.#text[at - 1] === '$') depth++;
        else if (quote === '"' && c === close && depth > 1) depth--;
      } else if (c === '"' || c === "'") quote = c;
      else if (c === open) depth++;
      else if (c === close && --depth === 0) return at;
    }
    return this.#end;
  }
}

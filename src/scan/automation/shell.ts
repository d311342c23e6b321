import type { AutomationRule, Hit } from './rule.js';
import { type Command, everyScript, readScript, type Script, type Word, wordsOf } from './shell-lexer.js';

/** Rules for shell, also in `RUN` of a Dockerfile and `run` of a workflow. */
export const SHELL_RULES: readonly AutomationRule[] = [
  {
    id: 'sh/download-to-shell', kind: 'shell', title: 'Download that is run unseen', cwe: 494, severity: 7.5, level: 'warning',
    help: 'Download a named version to a file, compare its digest with one that stands in the repository, then run it.',
    examples: { must: ['curl -fsSL https://example.com/install.sh | sudo bash -s -- -y', 'sh -c "$(wget -qO- https://example.com/i.sh)"', 'bash <(curl -s https://example.com/i.sh)'], mustNot: ['curl -fsSLO https://example.com/a.tgz\necho "$SUM  a.tgz" | sha256sum -c -', 'curl -s https://example.com/a.tgz | tar xz', '# curl https://example.com | sh'] },
  },
  {
    id: 'sh/unchecked-transfer', kind: 'shell', title: 'Check of the other side switched off', cwe: 295, severity: 6.5, level: 'warning',
    help: 'Leave the check on; give the tool the certificate or the host key that it needs.',
    examples: { must: ['curl -k https://example.com/x', 'wget --no-check-certificate https://example.com/x', 'git config --global http.sslVerify false', 'NODE_TLS_REJECT_UNAUTHORIZED=0 node a.js', 'ssh -o StrictHostKeyChecking=no host ls', 'pip install --trusted-host example.com x'], mustNot: ['curl -K config https://example.com/x', 'curl -k https://localhost:8443/health', 'ssh -o StrictHostKeyChecking=accept-new host ls', 'git config http.sslVerify true'] },
  },
  {
    id: 'sh/command-injection', kind: 'shell', title: 'Argument that becomes a command', cwe: 78, severity: 8.1, level: 'warning',
    help: 'Pass it as an argument of its own ("$1" after `--`), choose among known words by `case`, or quote it by `${x@Q}` or `printf %q`.',
    examples: { must: ['eval "$1"', 'name=$1\nsh -c "ls $name"', 'read -r line\neval $line', 'ssh host "rm $1"'], mustNot: ['sh -c \'ls "$1"\' sh "$1"', 'eval "$(ssh-agent -s)"', 'name=fixed\nsh -c "ls $name"', 'case $1 in a|b) ;; *) exit 1 ;; esac\neval "run_$1"', 'ssh host "ls ${1@Q}"'] },
  },
  {
    id: 'sh/world-writable', kind: 'shell', title: 'Everybody may write it', cwe: 732, severity: 5.5, level: 'warning',
    help: 'Give the owner, or a group, what they need: chmod u+rwX, 750, 640.',
    examples: { must: ['chmod -R 777 /app', 'chmod a+w file', 'chmod o=rw file', 'umask 000'], mustNot: ['chmod 1777 /tmp', 'chmod +w file', 'chmod 755 x', 'chmod a+x run.sh', 'umask 077'] },
  },
  {
    id: 'sh/set-user-id', kind: 'shell', title: 'Program that runs as its owner', cwe: 250, severity: 6.0, level: 'warning',
    help: 'Give the program the one capability that it needs, or let a service do it.',
    examples: { must: ['chmod u+s /usr/local/bin/tool', 'chmod 4755 tool', 'echo "ci ALL=(ALL) NOPASSWD: ALL" >> /etc/sudoers'], mustNot: ['chmod 0755 tool', 'chmod g+s shared'] },
  },
  {
    id: 'sh/predictable-temp', kind: 'shell', title: 'Temporary file of a known name', cwe: 377, severity: 3.3, level: 'note',
    help: 'Make it with mktemp, and remove it by a trap.',
    examples: { must: ['date > /tmp/state', 'curl -o /tmp/x.$$ https://example.com/x'], mustNot: ['f=$(mktemp)\ndate > "$f"', 'cat /tmp/state', 'date > "$dir/tmp/x"'] },
  },
  {
    id: 'sh/password-argument', kind: 'shell', title: 'Password on a command line', cwe: 214, severity: 5.0, level: 'warning',
    help: 'Hand it over by a file that only its owner reads, or by the tool\'s own variable: every process of the machine can read arguments.',
    examples: { must: ['mysql -uroot -pS3cret db', 'curl -u admin:hunter22 https://example.com', 'sshpass -p hunter22 ssh host'], mustNot: ['mysql -u root -p db', 'curl -u "$USER:$PASS" https://example.com', 'mkdir -p dir'] },
  },
];

const DOWNLOADERS: ReadonlySet<string> = new Set(['curl', 'wget', 'fetch', 'aria2c']);
const INTERPRETERS: ReadonlySet<string> = new Set(['sh', 'bash', 'zsh', 'dash', 'ksh', 'ash', 'python', 'python3', 'perl', 'ruby', 'node', 'php', 'pwsh']);
const PREFIXES: ReadonlySet<string> = new Set(['sudo', 'env', 'exec', 'command', 'nohup', 'time', 'nice', 'doas', 'xargs', 'timeout', 'builtin']);
/** Programs whose output is made to be evaluated. */
const EVALUATED = /^(?:ssh-agent|dircolors|direnv|brew|pyenv|rbenv|nodenv|goenv|jenv|opam|minikube|docker-machine|thefuck|starship|zoxide|fnm|mise|rtx|asdf|conda|register-python-argcomplete|keychain|resize|lesspipe|locale|getopt|printf)$/;

export function findInShell(text: string): Hit[] {
  const scripts = everyScript(readScript(text));
  const tainted = taintedNames(scripts, text);
  return scripts.flatMap((script) => script.commands.flatMap((command, i, all) => [...downloadToShell(command, i, all), ...uncheckedTransfer(command), ...injection(command, tainted), ...modes(command), ...temporary(command), ...password(command)]));
}

function hit(rule: string, command: Pick<Command, 'start' | 'end'>, message: string): Hit {
  return { rule, message, start: command.start, end: command.end };
}

/** The program and its arguments, wrappers such as `sudo` and their options taken off. */
function callOf({ words }: Command): { readonly program: string; readonly args: readonly Word[] } {
  let at = 0;
  while (at < words.length && PREFIXES.has(baseName(words[at] as Word))) {
    at++;
    while (at < words.length && /^-|^\w+=|^\d+[smh]?$/.test((words[at] as Word).text)) at++;
  }
  const first = words[at];
  return { program: first === undefined ? '' : baseName(first), args: words.slice(at + 1) };
}

function baseName({ text }: Word): string {
  return text.slice(text.lastIndexOf('/') + 1);
}

function downloads(command: Command): boolean {
  const { program, args } = callOf(command);
  return DOWNLOADERS.has(program) && args.some((word) => /^(?:https?|ftp):\/\/|^\$/.test(word.text)) && !args.some((word) => /^(?:-o|-O|--output|--remote-name|--output-document)$/.test(word.text) && program !== 'wget');
}

function substitutesDownload(words: readonly Word[]): boolean {
  return words.some((word) => word.substitutes.some((script) => script.commands.some(downloads)));
}

function downloadToShell(command: Command, index: number, all: readonly Command[]): Hit[] {
  const { program, args } = callOf(command);
  const message = 'What this downloads runs as it comes: whoever controls the server, or its name, runs commands here. Compare a digest first.';
  if ((INTERPRETERS.has(program) || program === 'eval' || program === '.' || program === 'source') && substitutesDownload(args)) return [hit('sh/download-to-shell', command, message)];
  if (!command.piped || !downloads(command)) return [];
  for (let i = index + 1; i < all.length; i++) {
    const next = all[i] as Command;
    const { program: then, args: given } = callOf(next);
    // An interpreter that is given a program reads its input as data.
    if (INTERPRETERS.has(then) && given.every((word) => /^-(?!c$|e$|m$)/.test(word.text) || given.some((w) => w.text === '-s' || w.text === '-'))) return [hit('sh/download-to-shell', { start: command.start, end: next.end }, message)];
    if (!next.piped) return [];
  }
  return [];
}

const LOCAL = /^https?:\/\/(?:localhost|127\.|\[::1\]|0\.0\.0\.0)/;

function uncheckedTransfer(command: Command): Hit[] {
  const { program, args } = callOf(command);
  const texts = args.map((word) => word.text);
  const has = (pattern: RegExp): boolean => texts.some((text) => pattern.test(text));
  const local = has(LOCAL);
  const off = command.assigns.find(({ name, value }) => (/^NODE_TLS_REJECT_UNAUTHORIZED$|^PYTHONHTTPSVERIFY$/.test(name) && value.text === '0') || (/^GIT_SSL_NO_VERIFY$/.test(name) && /^(?:1|true)$/i.test(value.text)))
    ?? (program === 'export' ? args.find((word) => /^(?:(?:NODE_TLS_REJECT_UNAUTHORIZED|PYTHONHTTPSVERIFY)=0|GIT_SSL_NO_VERIFY=(?:1|true))$/i.test(word.text)) : undefined);
  const told = off !== undefined
    || (program === 'curl' && !local && has(/^--insecure$|^-[a-zA-JL-Z#]*k[a-zA-Z]*$/))
    || (program === 'wget' && !local && has(/^--no-check-certificate$/))
    || (program === 'git' && texts.some((text, i) => /http\.sslverify=(?:false|0)/i.test(text) || (/^http\.(?:.*\.)?sslverify$/i.test(text) && /^(?:false|0)$/i.test(texts[i + 1] ?? ''))))
    || (/^(?:npm|yarn|pnpm)$/.test(program) && (has(/^--(?:no-)?strict-ssl=?(?:false)?$/) ? has(/^--no-strict-ssl$|=false$/) : texts.some((text, i) => text === 'strict-ssl' && texts[i + 1] === 'false')))
    || (/^pip3?$/.test(program) && has(/^--trusted-host/))
    || (/^(?:apt|apt-get)$/.test(program) && has(/^--allow-unauthenticated$|^--force-yes$|AllowInsecureRepositories=true/i))
    || (/^(?:ssh|scp|sftp|rsync)$/.test(program) && has(/StrictHostKeyChecking[= ]no\b/i));
  return told ? [hit('sh/unchecked-transfer', command, 'Whoever stands between can answer in place of the other side: its certificate or key is not checked. Leave the check on.')] : [];
}

/** Names of one script that are looked for in its checks. */
const MOST_NAMES = 300;

/** Names that hold what a caller, a reader or a web server gave, and were held against nothing. */
function taintedNames(scripts: readonly Script[], text: string): ReadonlySet<string> {
  const names = new Set(['1', '2', '3', '4', '5', '6', '7', '8', '9', '@', '*', 'QUERY_STRING', 'REQUEST_URI', 'PATH_INFO', 'HTTP_USER_AGENT', 'HTTP_COOKIE', 'HTTP_REFERER']);
  const commands = scripts.flatMap((script) => script.commands);
  for (let round = 0; round < 3; round++) {
    for (const command of commands) {
      for (const { name, value } of command.assigns) if (raw(value, names)) names.add(name);
      const { program, args } = callOf(command);
      if (program === 'read' || program === 'mapfile' || program === 'readarray') for (const word of args) if (/^[A-Za-z_]\w*$/.test(word.text)) names.add(word.text);
      if (/^(?:local|declare|export|readonly|typeset)$/.test(program)) for (const word of args) if (/^\w+=/.test(word.text) && raw(word, names)) names.add(word.text.slice(0, word.text.indexOf('=')));
    }
  }
  for (const name of [...names].slice(0, MOST_NAMES)) if (isChecked(name, text)) names.delete(name);
  return names;
}

/** Held against a pattern or a list somewhere: who wrote that thought of it. */
function isChecked(name: string, text: string): boolean {
  const variable = `"?\\$\\{?${name.replace(/[@*]/, '\\$&')}\\}?"?`;
  return new RegExp(`\\bcase\\s+${variable}\\s+in\\b|\\[\\[\\s+!?\\s*${variable}\\s+(?:=~|==?)\\s`).test(text);
}

function raw(word: Word, names: ReadonlySet<string>): boolean {
  return word.expands.some(({ name, with: how }) => names.has(name) && !/^@[QA]/.test(how) && !/^[:#]?[?+]/.test(how)) || word.substitutes.some((script) => script.commands.some((command) => callOf(command).program !== 'printf' && /^(?:echo|cat|tr|sed|cut|head|tail)$/.test(callOf(command).program) && wordsOf(command).some((inner) => raw(inner, names))));
}

function injection(command: Command, names: ReadonlySet<string>): Hit[] {
  const { program, args } = callOf(command);
  const message = 'What a caller gives becomes part of a command that a shell reads, so that `;` or `$( )` in it runs another. Pass it as an argument of its own.';
  if (program === 'eval') return args.some((word) => raw(word, names)) && !args.some((word) => word.substitutes.some((script) => script.commands.some((inner) => EVALUATED.test(callOf(inner).program)))) ? [hit('sh/command-injection', command, message)] : [];
  const text = shellText(program, args);
  return text?.some((word) => raw(word, names)) === true ? [hit('sh/command-injection', command, message)] : [];
}

/** The words that a shell on this or another machine reads as a script. */
function shellText(program: string, args: readonly Word[]): readonly Word[] | null {
  if (/^(?:sh|bash|zsh|dash|ksh|ash|su)$/.test(program)) {
    const at = args.findIndex((word) => /^-[a-z]*c$/.test(word.text));
    return at === -1 ? null : args.slice(at + 1, at + 2);
  }
  if (program !== 'ssh') return null;
  const rest = args.slice(1).filter((word) => /\s/.test(word.text) && word.source.startsWith('"')); // one argument with a command in it
  return rest.length === 0 ? null : rest;
}

function modes(command: Command): Hit[] {
  const { program, args } = callOf(command);
  const texts = args.map((word) => word.text);
  if (program === 'umask' && /^0*0?00?$/.test(texts[0] ?? '')) return [hit('sh/world-writable', command, 'Every file that is made from here on can be written by everybody.')];
  if (/\bNOPASSWD:\s*ALL\b/.test(texts.join(' '))) return [hit('sh/set-user-id', command, 'Whoever runs as this account is root without a password.')];
  if (program !== 'chmod') return [];
  if (texts.some((text) => /^[ugo]*u[ugo]*\+[rwxX]*s|^[4-7]\d{3}$|^0[4-7]\d{3}$/.test(text) && !/^0?[13]\d{3}$/.test(text) && (/s/.test(text) || (Number.parseInt(text.slice(-4, -3), 8) & 4) !== 0))) return [hit('sh/set-user-id', command, 'Whoever runs this program runs it as its owner.')];
  const world = texts.some((text) => /^0?[0-7]{2}[2367]$/.test(text) || /^[ugo]*[oa][ugoa]*[+=][rxXt]*w/.test(text));
  return world ? [hit('sh/world-writable', command, 'Everybody on the machine, and every process that gets in, can change what this names.')] : [];
}

function temporary(command: Command): Hit[] {
  const named = (word: Word | undefined): boolean => word !== undefined && /^\/(?:var\/)?tmp\/[^\s/]+$/.test(word.text) && !/X{3,}|\$\(|`/.test(word.text) && word.expands.every(({ name }) => name === '$');
  const { program, args } = callOf(command);
  const written = command.redirects.some(({ operator, target }) => /^(?:>|>>|>\||&>)/.test(operator) && named(target))
    || (program === 'tee' && args.some(named)) || (/^(?:curl|wget)$/.test(program) && args.some((word, i) => /^-[oO]$/.test(word.text) && named(args[i + 1])));
  return written ? [hit('sh/predictable-temp', command, 'Another account can lay a file or a link of this name there first. Make it with mktemp.')] : [];
}

function password(command: Command): Hit[] {
  const { program, args } = callOf(command);
  const literal = (word: Word | undefined, pattern: RegExp): boolean => word !== undefined && word.expands.length + word.substitutes.length === 0 && pattern.test(word.text);
  const given = (/^mysql(?:dump|admin)?$|^mariadb(?:-dump)?$/.test(program) && args.some((word) => literal(word, /^-p[^\s=]{3,}$|^--password=.{3,}$/)))
    || (/^(?:curl|wget)$/.test(program) && args.some((word, i) => (/^(?:-u|--user|--password)$/.test(word.text) && literal(args[i + 1], /^[^:\s]+:[^\s]{3,}$|^[^:\s]{6,}$/) && (word.text === '--password' || /:/.test(args[i + 1]?.text ?? ''))) || literal(word, /^--(?:user|password|http-password)=.{4,}$/)))
    || (program === 'sshpass' && args.some((word, i) => (word.text === '-p' && literal(args[i + 1], /^.{3,}$/)) || literal(word, /^-p.{3,}$/)));
  return given ? [hit('sh/password-argument', command, 'This password stands in the file, and every process of the machine can read it from the command line.')] : [];
}

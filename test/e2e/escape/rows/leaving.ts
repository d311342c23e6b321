import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../../src/process/spawn.js';
import { leave, type Left, markerOf } from '../leave.js';
import { command, shell } from '../probe.js';
import { held, type Outcome, type Room, type Row, unclear, worked } from '../row.js';

type Danger = (left: Left, room: Room) => string | null;
/** No such path may come to the person's tree. */
const never = (pattern: RegExp): Danger => (left) => left.tree.find((p) => pattern.test(p)) ?? null;
const nothing: Danger = () => null;

/** The planted things were there: a path below the layer, as the host sees it. */
function planted(...paths: readonly string[]): (room: Room) => Outcome {
  return (room) => {
    const lacking = paths.filter((p) => lstatSync(join(room.layer, 'upper', p), { throwIfNoEntry: false }) === undefined);
    return lacking.length === 0 ? worked(`${paths.join(', ')} in the layer`) : held(`no ${lacking.join(', ')} in the layer`);
  };
}

/**
 * What an agent leaves behind, taken out and applied by the same code as in a run. `script` gets the marker as $1. The control looks
 * whether what was planted was there at all, and where it is a program, whether it would have made the mark: inside, never on the host.
 */
function change(id: string, seenIn: string, script: string, danger: Danger, there: (room: Room) => Outcome, ran?: string, byHand?: readonly string[]): Row {
  const plant = async (room: Room, marker: string): Promise<Outcome | null> => {
    const result = await command(room, ['/bin/bash', '-c', `exec 2>&1; ${script}`, 'plant', marker], { timeout: 60_000 });
    return result.reason === 'exited' ? null : unclear(`planting ended by ${result.reason}`);
  };
  const taken = async (room: Room): Promise<Outcome> => {
    const left = await leave(room);
    const found = left.alarm ?? danger(left, room);
    await command(room, ['/bin/rm', '-rf', '/workspace/.git'], { in: await room.again() }); // the work after it is that of a fresh checkout
    return found === null ? held(left.refused === null ? `${left.entries.length} entries, ${left.skipped.length} left out` : `refused: ${left.refused}`) : worked(found);
  };
  return {
    id: `change.${id}`, group: 'leaving', seenIn, ends: true,
    attempt: async (room) => (await plant(room, markerOf(room))) ?? (await taken(room)),
    control: ran === undefined
      ? { kind: 'c', says: 'it was there', run: async (room) => {
        await plant(room, '/tmp/marker');
        return there(room);
      } }
      : { kind: 'c', says: 'inside it runs', run: (room) => shell(room, `exec 2>&1; ${script}; (${ran}) >/tmp/said 2>&1 </dev/null; [ -e "$1" ] && echo WORKED || echo "HELD $(tail -c 300 /tmp/said | tr '\\n' ' ')"`, ['/tmp/marker'], { timeout: 20_000 }) },
    // gVisor keeps such a file in its own memory: the host puts one into the layer, as a flaw of that kernel would.
    ...(byHand === undefined ? {} : { second: {
      attempt: async (room: Room) => (await plant(room, markerOf(room))) ?? (await putThere(room, byHand)) ?? (await taken(room)),
      control: { kind: 'c' as const, says: 'it was there', run: async (room: Room) => (await putThere(room, byHand)) ?? there(room) },
    } }),
  };
}

/** Makes something in a room's layer after its sandbox. `argv` finds the folder as its last argument. */
async function putThere(room: Room, argv: readonly string[]): Promise<Outcome | null> {
  await room.sandbox.close();
  const made = await run([...argv, join(room.layer, 'upper')], { timeout: 8000 });
  return made.exit === 0 ? null : unclear(made.stderr.toString('utf8'));
}

const GIT = 'git -c user.name=x -c user.email=x@example.com';
const REPO = `${GIT} init -q . ; `;
const bomb = (path: string): string => `printf '#!/bin/sh\\ntouch %s\\ncat\\n' "$1" > ${path}; chmod 755 ${path}; `;
const INCIDENT = 'a published CVE or incident';
const config = (id: string, key: string, ran: string): Row => change(`git-config-${id}`, INCIDENT, `${REPO}${bomb('/workspace/bomb.sh')} git config ${key}; true`, never(/(^|\/)\.git(\/|$)/), nothing_there, ran);
function nothing_there(): Outcome {
  return worked('');
}

const GIT_ROWS: readonly Row[] = [
  change('git-hooks', 'codex linux-sandbox tests, sandbox-runtime tests', `${REPO}for h in pre-commit post-checkout post-index-change reference-transaction pre-auto-gc; do ${bomb('.git/hooks/$h')} done`, never(/\.git(\/|$)/), nothing_there, `${GIT} add -A . && ${GIT} commit -qm x`),
  config('hooks-path', 'core.hooksPath /workspace/hooks; mkdir -p hooks; cp bomb.sh hooks/pre-commit', `${GIT} commit -q --allow-empty -m x`),
  config('fsmonitor', 'core.fsmonitor /workspace/bomb.sh', 'git status'),
  config('pager', 'core.pager /workspace/bomb.sh', `${GIT} commit -q --allow-empty -m x; script -qec 'git log' /dev/null`),
  config('diff-external', 'diff.external /workspace/bomb.sh', `${GIT} add -A . && ${GIT} commit -qm x; echo x >> a.txt; git diff`),
  config('ssh-command', 'core.sshCommand /workspace/bomb.sh', 'timeout 3 git ls-remote ssh://x.invalid/y'),
  config('alias', 'alias.st "!/workspace/bomb.sh"', 'git st'),
  config('gpg-program', 'gpg.program /workspace/bomb.sh', `${GIT} commit -q -S --allow-empty -m x`),
  config('editor', 'core.editor /workspace/bomb.sh', `${GIT} commit -q --allow-empty`),
  config('credential-helper', 'credential.helper "!/workspace/bomb.sh"', 'printf "protocol=https\\nhost=x.invalid\\n\\n" | git credential fill'),
  config('include', 'include.path /workspace/more; printf "[core]\\n\\tfsmonitor = /workspace/bomb.sh\\n" > more', 'git status'),
  change('filter-clean', `${INCIDENT}, known technique`, `${REPO}${bomb('/workspace/bomb.sh')} echo '* filter=evil' > .gitattributes; git config filter.evil.clean /workspace/bomb.sh; git config filter.evil.smudge /workspace/bomb.sh`, never(/\.git(\/|$)/), nothing_there, 'git add a.txt'),
  change('filter-process', `${INCIDENT}, known technique`, `${REPO}${bomb('/workspace/bomb.sh')} echo '* filter=evil' > .gitattributes; git config filter.evil.process /workspace/bomb.sh`, never(/\.git(\/|$)/), nothing_there, 'git add a.txt'),
  change('textconv', `${INCIDENT}, known technique`, `${REPO}${bomb('/workspace/bomb.sh')} ${GIT} add -A . ; ${GIT} commit -qm x; echo '* diff=evil' > .gitattributes; git config diff.evil.textconv /workspace/bomb.sh`, never(/\.git(\/|$)/), nothing_there, 'echo x >> a.txt; git diff'),
  change('merge-driver', `${INCIDENT}, known technique`, `${REPO}${bomb('/workspace/bomb.sh')} ${GIT} add -A . ; ${GIT} commit -qm x; echo '* merge=evil' > .gitattributes; git config merge.evil.driver '/workspace/bomb.sh %A'`, never(/\.git(\/|$)/), nothing_there, `${GIT} checkout -qb o; echo o > a.txt; ${GIT} commit -qam o; ${GIT} checkout -q -; echo m > a.txt; ${GIT} commit -qam m; ${GIT} merge o`),
  change('submodule-update-command', 'sandbox-runtime tests, known technique', `${REPO}${bomb('/workspace/bomb.sh')} printf '[submodule "s"]\\n\\tpath = s\\n\\turl = ./\\n' > .gitmodules; cp .gitmodules other.gitmodules; printf '\\tupdate = !/workspace/bomb.sh\\n' >> other.gitmodules; git config submodule.s.url ./; git config submodule.s.update '!/workspace/bomb.sh'`, never(/\.git(\/|$)/), nothing_there, `${GIT} add -A .; ${GIT} commit -qm x; ${GIT} update-index --add --cacheinfo 160000,$(git rev-parse HEAD),s; ${GIT} commit -qm y; git clone -q . s; GIT_TRACE=1 git submodule update`),
  change('ext-transport', 'sandbox-runtime tests, known technique', `${REPO}${bomb('/workspace/bomb.sh')} printf '[submodule "s"]\\n\\tpath = s\\n\\turl = ext::/workspace/bomb.sh\\n' > .gitmodules`, never(/\.git(\/|$)/), nothing_there, 'timeout 3 git -c protocol.ext.allow=always ls-remote ext::/workspace/bomb.sh'),
  change('embedded-repository', 'known technique', `mkdir sub; cd sub; ${REPO}${bomb('/workspace/bomb.sh')} git config core.fsmonitor /workspace/bomb.sh; echo inner > inner.txt`, never(/(^|\/)\.git(\/|$)/), nothing_there, 'cd /workspace/sub && git status'),
];

const PATCH = 'known technique';
const NAMES: readonly Row[] = [
  ...([['case', '.GIT'], ['mixed-case', '.gIt'], ['short-name', 'git~1'], ['trailing-dot', '.git.'], ['trailing-space', '.git '], ['stream', '.git::$INDEX_ALLOCATION'], ['hidden-character', '.g\u200cit']] as const)
    .map(([name, folder]) => change(`git-folder-${name}`, PATCH, `mkdir -p '${folder}/hooks' 'dir/${folder}/hooks'; ${bomb(`'${folder}/hooks/pre-commit'`)} ${bomb(`'dir/${folder}/hooks/post-checkout'`)}`, never(/hooks|^\.g.*it|git~/i), planted(`${folder}/hooks/pre-commit`))),
  change('git-file', PATCH, 'echo "gitdir: /tmp/evil" > .git; echo "gitdir: /tmp/evil" > dir/.git', never(/\.git$/), planted('.git')),
  change('git-link', PATCH, 'ln -s /tmp/evil .git; ln -s ../../../.git dir/.git', never(/\.git$/), planted('.git')),
  change('name-with-a-newline', PATCH, "printf x > $'a\\nb'; mkdir $'..\\n'; printf x > $'..\\n/c'; printf x > $'diff --git a\\x2fx b'", nothing, planted('a\nb')),
  change('name-like-an-option', PATCH, 'printf x > ./--output=x; printf x > ./-rf; mkdir -- --git-dir=x; printf x > ./--git-dir=x/y', nothing, planted('-rf')),
  change('name-with-escapes', 'known technique', "printf x > $'\\e[2J\\e]0;owned\\a'; printf x > $'\\u202etxt.exe'", nothing, planted('\u202etxt.exe')),
  change('name-very-long', PATCH, 'n=$(printf "%0200d" 1); d=.; for i in $(seq 1 15); do d=$d/$n; mkdir "$d"; done; printf x > "$d/x"; p=.; for i in $(seq 1 300); do p=$p/d; done; mkdir -p "$p"; printf x > "$p/x"', (left) => left.tree.find((p) => p.split('/').length > 250) ?? null, planted('d/d/d')),
  change('traversal-by-a-link', PATCH, 'mkdir up; ln -s ../.. up/out; ln -s /tmp there; ln -s ../beside beside; printf x > up/real', nothing, planted('up/out')),
  change('link-then-folder', PATCH, 'rm -r dir; ln -s /tmp dir', (left) => (existsSync('/tmp/b.txt') ? 'a file went through the link' : left.alarm), planted('dir')),
  change('link-to-a-secret', PATCH, 'ln -s /etc/shadow leak; ln -s /proc/self/environ env; ln -s /root/.ssh/id_rsa key', (left) => (/root:|BEGIN|PATH=/.test(left.patch) ? 'the content of a link\'s target is in the patch' : null), planted('leak')),
  change('link-in-place-of-a-file', PATCH, 'ln -sf ../../beside writable', nothing, planted('writable')),
  change('fifo', PATCH, 'mkfifo pipe dir/pipe; rm writable; mkfifo writable', never(/pipe/), planted('pipe'), undefined, ['/usr/bin/perl', '-e', 'use POSIX (); mkdir "$ARGV[0]/dir"; for (qw(pipe dir/pipe)) { POSIX::mkfifo("$ARGV[0]/$_", 0666) or die "mkfifo: $!" }']),
  change('socket', PATCH, "perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un(\"sock\")) or die'", never(/sock/), planted('sock'), undefined, ['/usr/bin/perl', '-e', 'use Socket; chdir $ARGV[0]; socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un("sock")) or die "bind: $!"']),
  change('whiteout-device', PATCH, `perl -e 'my $p = "dev"; syscall(${process.arch === 'arm64' ? '33, -100, ' : '133, '}$p, 0020644, 0)'; printf x > .wh.a.txt; printf x > .wh..wh..opq`, never(/^dev$/), planted('.wh.a.txt')),
  change('set-uid-bits', 'known technique', 'cp /bin/true tool; chmod 6755 tool; mkdir sticky; chmod 3777 sticky; printf x > sticky/x; chmod 6644 writable', nothing, (room) => ((lstatSync(join(room.layer, 'upper/tool')).mode & 0o6000) === 0o6000 ? worked('the bits are in the layer') : held('no bits'))),
  change('attributes', 'known technique', `cp /bin/true tool; perl -e 'my ($p, $n, $v) = ("/workspace/tool", "user.evil", "x"); syscall(${process.arch === 'arm64' ? 5 : 188}, $p, $n, $v, 1, 0)'`, nothing, planted('tool')),
  change('huge-file', PATCH, 'truncate -s 15G huge; head -c 30000000 /dev/zero > big', never(/huge|big/), planted('huge')),
  change('too-many-files', PATCH, 'mkdir many; cd many; perl -e \'for (1 .. 20500) { open(my $f, ">", $_) or die; }\'', (left) => (left.refused === 'sandbox.protocol' || left.refused === 'sandbox.failed' ? null : `taken: ${left.entries.length} entries, ${left.refused}`), (room) => (readdirSync(join(room.layer, 'upper/many')).length > 20_000 ? worked('they were there') : held('too few'))),
  change('unreadable', PATCH, 'printf x > shut; chmod 000 shut; mkdir closed; printf x > closed/x; chmod 000 closed', never(/closed\/x/), planted('shut')),
  change('hard-link', 'sandbox-runtime tests', 'ln writable linked; echo more >> linked', nothing, planted('linked')),
];

const RUN = 'sandbox-runtime tests, known technique';
/** Files that a tool on the host would run, were one started there. Taken out as data, they may be part of the change. */
const RUNNABLE: readonly Row[] = [
  change('conftest', RUN, "printf 'import os; os.system(\"touch %s\")\\n' \"$1\" > conftest.py; cp conftest.py sitecustomize.py", nothing, nothing_there, 'python3 conftest.py || perl -e "exec q(sh), q(-c), (join q(), <>) =~ /system\\(\\x22(.*?)\\x22/" conftest.py'),
  change('pth', RUN, "mkdir -p venv/lib; printf 'import os; os.system(\"touch %s\")\\n' \"$1\" > venv/lib/evil.pth", nothing, nothing_there, 'perl -e "exec q(sh), q(-c), (join q(), <>) =~ /system\\(\\x22(.*?)\\x22/" venv/lib/evil.pth'),
  change('envrc', RUN, 'printf "touch %s\\n" "$1" > .envrc; cp .envrc .bashrc; cp .envrc .profile; cp .envrc .bash_login', nothing, nothing_there, 'sh ./.envrc'),
  change('makefile', RUN, 'printf "all:\\n\\ttouch %s\\n" "$1" > Makefile; cp Makefile GNUmakefile', nothing, nothing_there, 'make || sh -c "$(tail -n1 Makefile)"'),
  change('editor-tasks', RUN, 'mkdir -p .vscode .idea .devcontainer; printf \'{"tasks":[{"command":"touch %s","runOptions":{"runOn":"folderOpen"}}]}\' "$1" > .vscode/tasks.json; printf \'{"postCreateCommand":"touch %s"}\' "$1" > .devcontainer/devcontainer.json', nothing, nothing_there, 'perl -ne "exec q(sh), q(-c), \\$1 if /command.:.(.*?)\\x22/" .vscode/tasks.json'),
  change('install-scripts', RUN, 'printf \'{"name":"x","version":"1.0.0","scripts":{"preinstall":"touch %s","postinstall":"touch %s","prepare":"touch %s"}}\' "$1" "$1" "$1" > package.json; printf \'{"targets":[{"target_name":"x","type":"none","actions":[{"action":["touch","%s"]}]}]}\' "$1" > binding.gyp', nothing, nothing_there, '/opt/sallyport/node -e "require(\'child_process\').execSync(JSON.parse(require(\'fs\').readFileSync(\'package.json\')).scripts.postinstall)"'),
  change('runner-configuration', RUN, 'printf \'require("fs").writeFileSync("%s", "x")\\n\' "$1" > .eslintrc.js; for n in jest.config.js vitest.config.js .mocharc.js babel.config.js .pnp.cjs node_loader.cjs; do cp .eslintrc.js $n; done', nothing, nothing_there, '/opt/sallyport/node .eslintrc.js'),
  change('continuous-integration', RUN, 'mkdir -p .github/workflows .husky; printf "on: push\\njobs: {x: {runs-on: self-hosted, steps: [{run: touch %s}]}}\\n" "$1" > .github/workflows/x.yml; printf "touch %s\\n" "$1" > .husky/pre-commit; chmod 755 .husky/pre-commit', nothing, nothing_there, 'sh .husky/pre-commit'),
];

export const LEAVING_ROWS: readonly Row[] = [...GIT_ROWS, ...NAMES, ...RUNNABLE];

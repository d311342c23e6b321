import { command, shell } from '../probe.js';
import { held, type Outcome, type Room, type Row, worked } from '../row.js';

const MARK = '/workspace/poisoned';
/** What a later phase does with plain tools. None of it asks for what was planted. */
const WORK = 'for i in 1 2; do ls / >/dev/null; cat a.txt >/dev/null; git init -q /tmp/r 2>/dev/null; git -C /tmp/r status >/dev/null 2>&1; perl -e 1; done; sh -c "echo x" >/dev/null; bash -c "echo x" >/dev/null; echo x | grep -q x; /opt/sallyport/node -e 0';
const LOOK = `[ -e ${MARK} ] && echo WORKED || echo HELD; rm -f ${MARK}`;
const CVE = 'a published CVE or incident';

/**
 * Poison left by one command, and what a fresh sandbox over the same layer then does: its home, its /tmp and its variables are its own.
 * The control uses the poison where it lies and sees it act.
 */
function poison(id: string, plant: string, acts: string, seenIn = CVE): Row {
  return {
    id: `environment.${id}`, group: 'environment', seenIn, ends: true,
    attempt: async (room) => {
      await command(room, ['/bin/bash', '-c', plant]);
      await room.sandbox.close();
      const next = await room.again();
      await command(room, ['/bin/rm', '-f', MARK], { in: next }); // what acted in the first sandbox may have left it in the layer
      await command(room, ['/bin/bash', '-c', WORK], { in: next });
      await command(room, ['/bin/sh', '-c', WORK], { in: next });
      return await shell(room, LOOK, [], { in: next });
    },
    control: { kind: 'c', says: 'where it is used it acts', run: (room) => shell(room, `${plant}; ${acts}; ${LOOK}`) },
  };
}

/** Poison of one command, looked at from the next in the same sandbox: variables, functions and limits are not carried over. */
function carried(id: string, plant: string, seenIn = CVE): Row {
  return {
    id: `environment.${id}`, group: 'environment', seenIn,
    attempt: async (room) => {
      await command(room, ['/bin/bash', '-c', plant]);
      await command(room, ['/bin/bash', '-c', WORK]);
      return await shell(room, LOOK);
    },
    control: { kind: 'c', says: 'in the same command it acts', run: (room) => shell(room, `${plant}; ${WORK.replaceAll('/opt/sallyport/node', 'true')}; ${LOOK.replace('rm -f', '/bin/rm -f')}`) },
  };
}

const SCRIPT = `printf '#!/bin/sh\\n: > ${MARK}\\nexec /bin/"\${0##*/}" "$@"\\n'`;
const EVIL_JS = `printf 'require("fs").writeFileSync("${MARK}", "x")\\n' > evil.cjs`;

/** Sallyport's own programs run bare: what the environment definition of a repository names does not reach them. */
function bare(id: string, variables: Readonly<Record<string, string>>, argv: readonly string[]): Row {
  const attempt = async (room: Room, alone: boolean): Promise<Outcome> => {
    await command(room, ['/bin/bash', '-c', `${EVIL_JS}; mkdir -p bin; ${SCRIPT} > bin/env; chmod 755 bin/env; ${SCRIPT} > bin/node; chmod 755 bin/node; printf ': > ${MARK}\\n' > evil.sh`], { bare: true });
    await command(room, argv, { bare: alone });
    return await shell(room, LOOK, [], { bare: true });
  };
  return { id: `environment.bare-${id}`, group: 'environment', seenIn: CVE, spec: { variables }, attempt: (room) => attempt(room, true), control: { kind: 'c', says: 'a command of the repository is steered', run: (room) => attempt(room, false) } };
}

export const ENVIRONMENT_ROWS: readonly Row[] = [
  poison('bashrc', `printf ': > ${MARK}\\n' | tee ~/.bashrc ~/.bash_profile ~/.profile ~/.bash_login ~/.zshrc >/dev/null`, '. ~/.bashrc'),
  poison('git-configuration-of-the-home', `printf '#!/bin/sh\\n: > ${MARK}\\n' > ~/m; chmod 755 ~/m; printf '[core]\\n\\tfsmonitor = /home/agent/m\\n' > ~/.gitconfig; mkdir -p ~/.config/git; cp ~/.gitconfig ~/.config/git/config`, 'git init -q /tmp/r; git -C /tmp/r status'),
  poison('programs-in-tmp', `mkdir -p /tmp/bin; ${SCRIPT} > /tmp/bin/ls; chmod 755 /tmp/bin/ls`, 'PATH=/tmp/bin:$PATH; ls /'),
  poison('programs-in-the-home', `mkdir -p ~/bin ~/.local/bin; ${SCRIPT} | tee ~/bin/ls ~/.local/bin/ls >/dev/null; chmod 755 ~/bin/ls ~/.local/bin/ls`, '~/bin/ls /'),
  poison('programs-in-the-workspace', `mkdir -p bin node_modules/.bin; for p in ls cat git perl grep node; do ${SCRIPT} | tee $p bin/$p node_modules/.bin/$p >/dev/null; chmod 755 $p bin/$p node_modules/.bin/$p; done`, './ls /'),
  poison('node-modules-in-the-home', `mkdir -p ~/.node_modules/fs ~/.node_libraries; ${EVIL_JS}; cp evil.cjs ~/.node_modules/fs/index.js; cp evil.cjs ~/.noderc`, '/opt/sallyport/node ./evil.cjs'),
  poison('npm-configuration-of-the-home', `${EVIL_JS}; printf 'node-options=--require=/workspace/evil.cjs\\nscript-shell=/workspace/evil.sh\\n' | tee ~/.npmrc .npmrc >/dev/null`, 'NODE_OPTIONS=--require=/workspace/evil.cjs /opt/sallyport/node -e 0'),
  poison('shell-start-by-variable-file', `printf ': > ${MARK}\\n' > /tmp/env; printf 'BASH_ENV=/tmp/env\\nENV=/tmp/env\\n' | tee ~/.pam_environment .env /tmp/.env >/dev/null`, 'BASH_ENV=/tmp/env bash -c :'),
  poison('editor-and-readline', `printf '"\\\\C-m": ": > ${MARK}\\\\n"\\n' > ~/.inputrc; printf ':silent !: > ${MARK}\\n' > ~/.vimrc; printf 'system(": > ${MARK}")' > ~/.perlrc`, 'perl ~/.perlrc'),
  poison('files-of-the-loader', `printf '/workspace/evil.so\\n' > /etc/ld.so.preload; printf x > /etc/ld.so.conf.d/evil.conf; : > /tmp/tried`, `[ -e /tmp/tried ] && : > ${MARK}`),
  poison('background-process', `(setsid sh -c 'while :; do : > ${MARK}; sleep 0.05; done' >/dev/null 2>&1 &); sleep 0.2; rm -f ${MARK}`, 'sleep 0.3', 'sandbox-runtime tests, bubblewrap tests'),
  carried('path', `mkdir -p /tmp/bin; ${SCRIPT} > /tmp/bin/ls; chmod 755 /tmp/bin/ls; export PATH=/tmp/bin:$PATH`),
  carried('function', `ls() { : > ${MARK}; }; cat() { : > ${MARK}; }; export -f ls cat; export BASH_FUNC_grep%%='() { : > ${MARK}; }' 2>/dev/null; true`),
  carried('bash-env', `printf ': > ${MARK}\\n' > /tmp/env; export BASH_ENV=/tmp/env ENV=/tmp/env`),
  carried('git-variables', `printf '#!/bin/sh\\n: > ${MARK}\\n' > /tmp/m; chmod 755 /tmp/m; export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.fsmonitor GIT_CONFIG_VALUE_0=/tmp/m`),
  carried('perl-options', `mkdir -p /tmp/l; printf 'package E; open(my $f, ">", "${MARK}"); 1;\\n' > /tmp/l/E.pm; export PERL5OPT=-ME PERL5LIB=/tmp/l`),
  carried('debug-trap', `set -o functrace; trap ': > ${MARK}' DEBUG`),
  bare('node-options', { NODE_OPTIONS: '--require=/workspace/evil.cjs' }, ['/opt/sallyport/node', '-e', '0']),
  bare('path', { PATH: '/workspace/bin:/usr/bin:/bin' }, ['/bin/sh', '-c', 'env true']),
  bare('bash-env', { BASH_ENV: '/workspace/evil.sh' }, ['/bin/bash', '-c', ':']),
  {
    id: 'environment.probe-program-steered', group: 'environment', seenIn: CVE, spec: { variables: { NODE_OPTIONS: '--require=/workspace/evil.cjs' } },
    attempt: async (room) => {
      await command(room, ['/bin/bash', '-c', `${EVIL_JS}; mkdir -p node_modules/net; cp evil.cjs node_modules/net/index.js; printf '{"type":"module","imports":{"#x":"./evil.cjs"}}' > package.json`], { bare: true });
      const result = await command(room, ['/opt/sallyport/node', '/opt/sallyport/probe.cjs'], { bare: true });
      const marked = await shell(room, LOOK, [], { bare: true });
      return marked.worked === true ? marked : result.stdout.toString().startsWith('[{') ? held('it reported by itself') : worked('it did not report');
    },
    control: { kind: 'c', says: 'not bare it is steered', run: async (room) => {
      await command(room, ['/bin/bash', '-c', EVIL_JS], { bare: true });
      await command(room, ['/opt/sallyport/node', '/opt/sallyport/probe.cjs']);
      return (await shell(room, LOOK, [], { bare: true })).worked === true ? worked('steered') : held('not steered');
    } },
  },
];

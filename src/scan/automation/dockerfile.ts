import type { AutomationRule, Hit } from './rule.js';
import { findInShell } from './shell.js';

export const DOCKER_RULES: readonly AutomationRule[] = [
  {
    id: 'docker/secret-in-image', kind: 'docker', title: 'Secret in an image', cwe: 538, severity: 7.5, level: 'warning',
    help: 'Give it at run time, or to one build step with `RUN --mount=type=secret`: layers and the history of an image keep everything.',
    examples: { must: ['FROM a:1\nENV DB_PASSWORD=hunter2hunter2\nUSER app', 'FROM a:1\nARG API_TOKEN="abc123def456"\nUSER app', 'FROM a:1\nCOPY id_rsa /root/.ssh/\nUSER app', 'FROM a:1\nADD .npmrc .env /app/\nUSER app'], mustNot: ['FROM a:1\nENV PASSWORD_FILE=/run/secrets/db\nUSER app', 'FROM a:1\nARG API_TOKEN\nENV DB_PASSWORD=$DB_PASSWORD\nUSER app', 'FROM a:1\nENV TOKEN_TTL=3600 SECRET_NAME=changeme\nUSER app', 'FROM a:1\nRUN --mount=type=secret,id=npmrc npm ci\nUSER app'] },
  },
  {
    id: 'docker/runs-as-root', kind: 'docker', title: 'Image that runs as root', cwe: 250, severity: 4.0, level: 'note',
    help: 'End the last stage with a USER that is not root.',
    examples: { must: ['FROM debian:12\nCMD ["x"]', 'FROM debian:12\nUSER app\nUSER root\nCMD ["x"]'], mustNot: ['FROM debian:12\nUSER 1000:1000\nCMD ["x"]', 'FROM debian:12 AS build\nRUN make\nFROM scratch\nUSER app'] },
  },
  {
    id: 'docker/unpinned-base', kind: 'docker', title: 'Image of whatever release', cwe: 1357, severity: 3.0, level: 'note',
    help: 'Name the release, better with its digest: FROM image:1.2@sha256:….',
    examples: { must: ['FROM node\nUSER app', 'FROM node:latest\nUSER app'], mustNot: ['FROM node:24.1-slim\nUSER app', 'FROM node@sha256:0000000000000000000000000000000000000000000000000000000000000000\nUSER app', 'FROM node:24 AS build\nFROM build\nUSER app', 'ARG BASE=node:24\nFROM $BASE\nUSER app', 'FROM scratch\nUSER app'] },
  },
  {
    id: 'docker/remote-add', kind: 'docker', title: 'Download without a digest', cwe: 494, severity: 5.0, level: 'warning',
    help: 'ADD --checksum=sha256:…, or a tool that compares a digest.',
    examples: { must: ['FROM a:1\nADD https://example.com/x.tgz /x\nUSER app'], mustNot: ['FROM a:1\nADD --checksum=sha256:00 https://example.com/x.tgz /x\nUSER app', 'FROM a:1\nADD x.tgz /x\nUSER app'] },
  },
];

interface Instruction {
  readonly name: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Offset of `text`. */
  readonly at: number;
}

/** Dockerfile reference, *Format*: an instruction a line, continued behind a backslash; comments are lines of their own. */
function instructions(source: string): Instruction[] {
  const found: Instruction[] = [];
  const lines = source.split('\n');
  let at = 0;
  for (let i = 0; i < lines.length; i++) {
    const start = at;
    let text = lines[i] as string;
    at += text.length + 1;
    if (/^\s*(?:#|$)/.test(text)) continue;
    const head = /^\s*(?:ONBUILD\s+)?([A-Za-z]+)\s+/i.exec(text);
    while (/[\\`]\s*$/.test(text.slice(text.lastIndexOf('\n') + 1)) && i + 1 < lines.length) {
      const next = lines[++i] as string;
      at += next.length + 1;
      text += `\n${/^\s*#/.test(next) ? `${' '.repeat(Math.max(0, next.length - 1))}\\` : next}`; // a comment between is no end
    }
    const documents = [...text.matchAll(/<<-?(["']?)(\w+)\1/g)].map((m) => m[2] as string);
    for (const word of documents) {
      for (let line = ''; i + 1 < lines.length && line.trim() !== word; ) {
        line = lines[++i] as string;
        at += line.length + 1;
        text += `\n${line}`;
      }
    }
    if (head !== null) found.push({ name: (head[1] as string).toUpperCase(), text: text.slice(head[0].length), start, end: start + text.length, at: start + head[0].length });
  }
  return found;
}

const SECRET_NAME = /(?:^|_)(?:PASSWORD|PASSWD|PWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)$/i;
const PLACEHOLDER = /^(?:|\$.*|<.*>|\/.*|change_?me.*|example.*|dummy.*|test|none|null|true|false|x{3,}|\*+|\.+|todo|your[-_].*|placeholder)$/i;
const SECRET_FILE = /(?:^|\/)(?:\.env(?:\.(?!example|sample|template|dist)\w+)?|id_(?:rsa|ed25519|ecdsa|dsa)|\.npmrc|\.pypirc|\.netrc|\.git-credentials|\.aws|\.ssh|[\w.-]+\.(?:pem|p12|pfx|jks)|\.kube|kubeconfig)\/?$/i;

export function findInDockerfile(source: string): Hit[] {
  const all = instructions(source);
  const hits: Hit[] = all.flatMap((one) => [...secrets(one), ...remote(one), ...shell(one)]);
  return [...hits, ...bases(all), ...user(all)];
}

function hit(rule: string, { start, end }: Instruction, message: string): Hit {
  return { rule, message, start, end };
}

function secrets(one: Instruction): Hit[] {
  if (one.name === 'ENV' || one.name === 'ARG') {
    const pairs = /^\w+\s+[^=\s]/.test(one.text) && one.name === 'ENV' ? [[...(/^(\w+)\s+(.*)$/s.exec(one.text) ?? [])].slice(1)] : [...one.text.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"']*)/g)].map((m) => [m[1], m[2]]);
    const named = pairs.find(([name, value]) => SECRET_NAME.test(name ?? '') && !PLACEHOLDER.test((value ?? '').replace(/^["']|["']$/g, '').trim()));
    return named === undefined ? [] : [hit('docker/secret-in-image', one, `${named[0]} has its value in the file, and whoever has the image has it. Give it when a container starts, or to one step by --mount=type=secret.`)];
  }
  if (one.name !== 'COPY' && one.name !== 'ADD') return [];
  if (/^\s*(?:--\S+\s+)*--from=/.test(one.text)) return [];
  const words = (one.text.trimStart().startsWith('[') ? [...one.text.matchAll(/"([^"]*)"/g)].map((m) => m[1] as string) : one.text.split(/\s+/).filter((w) => w !== '' && !w.startsWith('--'))).slice(0, -1);
  const file = words.find((word) => SECRET_FILE.test(word));
  return file === undefined ? [] : [hit('docker/secret-in-image', one, `"${file}" is laid into the image, where every holder of it can read it, also when a later step removes it.`)];
}

function remote(one: Instruction): Hit[] {
  return one.name === 'ADD' && /(?:^|\s)https?:\/\//.test(one.text) && !/--checksum=/.test(one.text) ? [hit('docker/remote-add', one, 'What the server gives is taken as it comes. Name its digest by --checksum.')] : [];
}

/** The exec form (`["…"]`) has no shell. */
function shell(one: Instruction): Hit[] {
  if (!/^(?:RUN|CMD|ENTRYPOINT|HEALTHCHECK)$/.test(one.name) || one.text.trimStart().startsWith('[')) return [];
  const flags = /^(?:\s*--[a-z]+=\S+\s+)*/.exec(one.text)?.[0].length ?? 0;
  return findInShell(one.text.slice(flags)).map((h) => ({ ...h, start: one.at + flags + h.start, end: one.at + flags + h.end }));
}

function bases(all: readonly Instruction[]): Hit[] {
  const stages = new Set<string>();
  return all.filter((one) => one.name === 'FROM').flatMap((one) => {
    const [, image = '', , name] = /^(?:--\S+\s+)*(\S+)(?:\s+(AS)\s+(\S+))?/i.exec(one.text.trim()) ?? [];
    const known = stages.has(image.toLowerCase()) || image === 'scratch' || image.includes('$');
    if (name !== undefined) stages.add(name.toLowerCase());
    const tag = /:([^/@]+)(?:@|$)/.exec(image)?.[1];
    return known || image.includes('@sha256:') || (tag !== undefined && tag !== 'latest') ? [] : [hit('docker/unpinned-base', one, `"${image}" is another image tomorrow. Name its release and digest.`)];
  });
}

function user(all: readonly Instruction[]): Hit[] {
  const from = all.findLastIndex((one) => one.name === 'FROM');
  const last = all[from];
  if (last === undefined) return [];
  const given = all.slice(from).findLast((one) => one.name === 'USER');
  return given !== undefined && !/^(?:root|0)(?::|\s|$)/.test(given.text.trim()) ? [] : [hit('docker/runs-as-root', given ?? last, 'What gets in through the program is root in the container. End with a USER of its own.')];
}

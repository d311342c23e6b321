import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { strToU8, zipSync } from 'fflate';

/** A file for the fake index. */
export interface FakeFile {
  readonly file: string;
  readonly body: Buffer;
  /** When it was uploaded; shown in pages of JSON alone (PEP 700). */
  readonly uploaded?: string;
}

export interface FakeIndex extends AsyncDisposable {
  /** Address of the simple index. */
  readonly url: string;
  readonly requests: readonly { readonly path: string; readonly authorization: string | null }[];
  /** SHA-256 of a file, in hexadecimal. */
  digest(file: string): string;
  /** `name==version` lines with the digest of each file of these. */
  pins(files: readonly string[]): string;
  /** Which form pages have. */
  form: 'html' | 'json';
  /** Takes over the answer for a path where it returns something true. */
  intercept: ((path: string, request: IncomingMessage, response: ServerResponse) => unknown) | null;
}

/** A pure wheel of one module (https://packaging.python.org/en/latest/specifications/binary-distribution-format/). */
export function wheel(name: string, version: string, options: { readonly code?: string; readonly requires?: readonly string[]; readonly scripts?: Readonly<Record<string, string>>; readonly tag?: string } = {}): FakeFile {
  const { code = '', requires = [], scripts = {}, tag = 'py3-none-any' } = options;
  const info = `${name}-${version}.dist-info`;
  const entries = Object.entries(scripts).map(([script, target]) => `${script} = ${target}`);
  return zipped(`${name}-${version}-${tag}.whl`, info, {
    [`${name}/__init__.py`]: code,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${requires.map((r) => `Requires-Dist: ${r}\n`).join('')}`,
    [`${info}/WHEEL`]: `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: ${tag}\n`,
    ...(entries.length === 0 ? {} : { [`${info}/entry_points.txt`]: `[console_scripts]\n${entries.join('\n')}\n` }),
  });
}

function uploadTime(file: FakeFile | undefined): object {
  return file?.uploaded === undefined ? {} : { 'upload-time': file.uploaded };
}

function zipped(file: string, info: string, files: Readonly<Record<string, string | Uint8Array>>): FakeFile {
  const all = Object.fromEntries(Object.entries(files).map(([path, body]) => [path, typeof body === 'string' ? strToU8(body) : body]));
  const record = [...Object.keys(all), `${info}/RECORD`].map((path) => `${path},,\n`).join('');
  return { file, body: Buffer.from(zipSync({ ...all, [`${info}/RECORD`]: strToU8(record) }, { mtime: '2020-01-01T00:00:00Z', level: 1 })) };
}

/** A wheel made of what the python3 of this machine has installed; null where it has it not. Pure packages only. */
export function installedWheel(name: string): FakeFile | null {
  const program = `
import importlib.metadata as m, json, sys, base64
d = m.distribution(sys.argv[1])
files = {str(f): base64.b64encode(f.locate().read_bytes()).decode() for f in d.files if not str(f).startswith('..') and '__pycache__' not in str(f) and not str(f).endswith(('/RECORD', '/INSTALLER', '/REQUESTED', '/direct_url.json'))}
print(json.dumps({'files': files}))`;
  try {
    const { files } = JSON.parse(execFileSync('python3', ['-c', program, name], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] })) as { files: Record<string, string> };
    const info = Object.keys(files).map((path) => path.split('/')[0] ?? '').find((folder) => folder.endsWith('.dist-info'));
    if (info === undefined || Object.keys(files).some((path) => path.endsWith('.so'))) return null;
    return zipped(`${info.replace(/\.dist-info$/, '')}-py3-none-any.whl`, info, Object.fromEntries(Object.entries(files).map(([path, body]) => [path, Buffer.from(body, 'base64')])));
  } catch {
    return null;
  }
}

/** A simple index on loopback that knows these files and, when asked to, wants a credential. */
export async function startIndex(files: readonly FakeFile[], authorization: string | null = null): Promise<FakeIndex> {
  const requests: { path: string; authorization: string | null }[] = [];
  const project = (file: string): string => (file.endsWith('.whl') ? (file.split('-')[0] ?? '') : file.replace(/-[^-]*$/, '')).replace(/[-_.]+/g, '-').toLowerCase();
  const digest = (file: string): string => createHash('sha256').update(files.find((f) => f.file === file)?.body ?? '').digest('hex');
  const page = (name: string): string | null => {
    const here = files.filter((f) => project(f.file) === name).map((f) => f.file);
    if (here.length === 0) return null;
    if (index.form === 'json') return JSON.stringify({ meta: { 'api-version': '1.1' }, name, versions: [], files: here.map((file) => ({ filename: file, url: `../../files/${file}`, hashes: { sha256: digest(file) }, size: 1, ...uploadTime(files.find((f) => f.file === file)), 'core-metadata': true, yanked: false })) });
    return `<!DOCTYPE html><html><body>\n${here.map((file) => `<a href="../../files/${file}#sha256=${digest(file)}" data-requires-python="&gt;=3.6" data-dist-info-metadata="true">${file}</a><br/>`).join('\n')}\n</body></html>`;
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    requests.push({ path, authorization: request.headers.authorization ?? null });
    if (index.intercept?.(path, request, response)) return;
    if (authorization !== null && request.headers.authorization !== authorization) return void response.writeHead(401).end();
    const body = files.find((f) => path === `/files/${f.file}`)?.body ?? page(/^\/simple\/([^/]+)\/$/.exec(path)?.[1] ?? '');
    if (body === null) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': typeof body !== 'string' ? 'application/octet-stream' : index.form === 'json' ? 'application/vnd.pypi.simple.v1+json' : 'text/html' }).end(body);
  });
  const index: { -readonly [K in keyof FakeIndex]: FakeIndex[K] } = {
    url: '', requests, digest, intercept: null, form: 'html',
    pins: (names) => names.map((file) => `${project(file)}==${file.split('-')[1]} \\\n    --hash=sha256:${'0'.repeat(64)} \\\n    --hash=sha256:${digest(file)}\n`).join(''),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  index.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
  return index;
}

import { execFileSync, spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';

/** Answers requests with git's own server program (git-http-backend(1), by CGI of RFC 3875) for the repositories below a folder. */
export function serveGit(folder: string): (request: IncomingMessage, response: ServerResponse) => void {
  const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
  return (request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    const { 'content-type': type, 'content-encoding': encoding, 'git-protocol': protocol } = request.headers;
    const child = spawn(program, [], {
      env: {
        GIT_PROJECT_ROOT: folder, GIT_HTTP_EXPORT_ALL: '1', GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*', PATH_INFO: url.pathname, QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method ?? 'GET',
        PATH: '/usr/bin:/bin', CONTENT_TYPE: type ?? '', HTTP_CONTENT_ENCODING: encoding ?? '', GIT_PROTOCOL: String(protocol ?? ''),
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const chunks: Buffer[] = [];
    child.stdin.on('error', () => undefined);
    request.pipe(child.stdin);
    child.stdout.on('data', (chunk: Buffer) => void chunks.push(chunk));
    child.on('error', () => void response.writeHead(500).end());
    child.on('close', () => {
      const answer = Buffer.concat(chunks);
      const end = answer.indexOf('\r\n\r\n');
      const headers = new Map(answer.subarray(0, Math.max(end, 0)).toString().split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
      response.writeHead(Number.parseInt(headers.get('status') ?? '200', 10), { 'content-type': headers.get('content-type') ?? 'text/plain' }).end(answer.subarray(end + 4));
    });
  };
}

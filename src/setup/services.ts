import type { EnvironmentSpec, ServiceSpec } from '../protocol/environment.js';
import { SallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import { visible } from '../redact/visible.js';
import type { Mount, Sandbox } from '../sandbox/sandbox.js';

/** Where this installation has programs of services; asked only when an environment declares one. */
export interface ServicePrograms {
  /** Folder with bin/, lib/ and share/ of PostgreSQL. Throws when there is none. */
  readonly postgres: () => string;
}

/** What the declared services add to a sandbox, and how they are started in it. */
export interface Services {
  readonly mounts: readonly Mount[];
  /** Variables by which tests find them. */
  readonly variables: Readonly<Record<string, string>>;
  /** Starts every one afresh and waits until it is ready. Throws `env.service_failed` with what it said. */
  start(sandbox: Pick<Sandbox, 'id' | 'exec'>, journal: Journal, signal: AbortSignal): Promise<void>;
}

const POSTGRES = '/opt/services/postgres';
const OUTPUT = 64 * 1024;
/** Milliseconds that the script may take beyond the time in which the service should be ready. */
const SLACK_MS = 30_000;

/** Services live on the loopback of a sandbox and end with it: each agent's and each check's is empty when it begins. */
export function servicesOf(spec: EnvironmentSpec, programs: ServicePrograms): Services {
  const services = Object.entries(spec.services);
  return {
    mounts: services.some(([, s]) => s.kind === 'postgres') ? [{ source: programs.postgres(), target: POSTGRES }] : [],
    variables: Object.assign({}, ...services.map(([, service]) => variablesOf(service))) as Record<string, string>,
    async start(sandbox, journal, signal) {
      for (const [name, service] of services) await startOne(sandbox, name, service, journal, signal);
    },
  };
}

/** Variables of a service, as its clients commonly read them. Those of `variables` are stronger. */
function variablesOf(service: ServiceSpec): Record<string, string> {
  switch (service.kind) {
    case 'postgres': {
      const { port, user, database } = service;
      return { DATABASE_URL: `postgresql://${user}@127.0.0.1:${port}/${database}`, PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: user, PGDATABASE: database };
    }
    case 'redis':
      return { REDIS_URL: `redis://127.0.0.1:${service.port}` };
    case 'command':
      return {};
    default:
      return service satisfies never;
  }
}

/** Runs a service in the background and waits until `ready` says so. Arguments: LOG SECONDS COMMAND READY. */
const START = `mkdir -p "\${1%/*}"; setsid /bin/sh -c "$3" >"$1" 2>&1 </dev/null & pid=$!
end=$(($(date +%s) + $2))
until /bin/sh -c "$4" >/dev/null 2>&1; do
  if ! kill -0 "$pid" 2>/dev/null; then tail -c 2000 "$1"; exit 3; fi
  if [ "$(date +%s)" -ge "$end" ]; then tail -c 2000 "$1"; exit 4; fi
  sleep 0.1
done`;

/** A cluster of its own in /tmp, on the loopback, without durability: it ends with the sandbox. Arguments: FOLDER PORT USER DATABASE SECONDS. */
const START_POSTGRES = `bin=${POSTGRES}/bin; mkdir -p "$1"
fail() { tail -c 2000 "$1"; exit 3; }
"$bin/initdb" -D "$1/data" -U "$3" --auth=trust -E UTF8 --no-locale --no-sync --no-instructions >"$1/log" 2>&1 || fail "$1/log"
if [ "$4" != postgres ]; then echo "create database \\"$4\\"" | "$bin/postgres" --single -D "$1/data" postgres >>"$1/log" 2>&1 || fail "$1/log"; fi
"$bin/pg_ctl" -D "$1/data" -l "$1/server.log" -w -t "$5" -o "-p $2 -c listen_addresses=127.0.0.1 -c unix_socket_directories=$1 -c fsync=off -c full_page_writes=off" start >>"$1/log" 2>&1 || { cat "$1/server.log" >>"$1/log"; fail "$1/log"; }`;

async function startOne(sandbox: Pick<Sandbox, 'id' | 'exec'>, name: string, service: ServiceSpec, journal: Journal, signal: AbortSignal): Promise<void> {
  const folder = `/tmp/services/${name}`;
  const began = performance.now();
  const result = await sandbox.exec({ argv: commandOf(folder, service), timeout: service.timeout * 1000 + SLACK_MS, maxOutput: OUTPUT, signal });
  signal.throwIfAborted();
  const ready = result.reason === 'exited' && result.exit === 0;
  await journal.record('service.started', { sandbox: sandbox.id, service: name, kind: service.kind, ready, ms: Math.round(performance.now() - began) });
  if (ready) return;
  const why = result.reason !== 'exited' ? result.reason : result.exit === 3 ? 'it ended' : `it was not ready after ${service.timeout} s`;
  const said = visible(Buffer.concat([result.stdout, result.stderr]).toString('utf8').trim().slice(-1500), { lines: true });
  throw new SallyportError('env.service_failed', `The service "${name}" could not be started: ${why}${said === '' ? '' : `: ${said}`}`, { hint: HINTS[service.kind] });
}

const HINTS: Readonly<Record<ServiceSpec['kind'], string>> = {
  postgres: 'Its port may be taken by another service, or `limits` be too tight.',
  redis: 'redis-server must be below /usr of this machine: apt-get install redis-server',
  command: '`command` must stay in the foreground, and `ready` end with 0 when it can be used. sallyport env test tries both.',
};

function commandOf(folder: string, service: ServiceSpec): string[] {
  const shell = (script: string, ...args: string[]): string[] => ['/bin/sh', '-c', script, 'service', ...args];
  switch (service.kind) {
    case 'postgres':
      return shell(START_POSTGRES, folder, String(service.port), service.user, service.database, String(service.timeout));
    case 'redis':
      return shell(START, `${folder}/log`, String(service.timeout), `exec redis-server --bind 127.0.0.1 --port ${service.port} --save "" --appendonly no`, `[ "$(redis-cli -p ${service.port} ping)" = PONG ]`);
    case 'command':
      return shell(START, `${folder}/log`, String(service.timeout), service.command, service.ready);
    default:
      return service satisfies never;
  }
}

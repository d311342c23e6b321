import { z } from 'zod';
import { RelativePath, Suppression, ToolId, ToolSpec } from './tools.js';

/** Test runners that are known by name and started with arguments. */
const STARTED_RUNNERS = ['node-test', 'vitest', 'jest', 'mocha', 'pytest', 'unittest', 'go', 'cargo'] as const;
/** Those that give results case by case. */
export const CASE_RUNNERS = [...STARTED_RUNNERS, 'tap'] as const;

/** One check that the gate runs. A `command` is judged by its exit code alone, one of `tap` by what it prints; the others by the cases that they report. */
export const CheckSpec = z.discriminatedUnion('runner', [
  z.strictObject({
    runner: z.enum(STARTED_RUNNERS),
    /** Arguments for the runner: files, patterns, options. Empty = its own discovery. */
    args: z.array(z.string().max(500)).max(100).default([]),
    timeout: z.int().min(1).max(3600).default(600),
  }),
  z.strictObject({
    runner: z.enum(['command', 'tap']),
    command: z.string().min(1).max(4000),
    timeout: z.int().min(1).max(3600).default(600),
  }),
]);
export type CheckSpec = z.infer<typeof CheckSpec>;

const Port = z.int().min(1024).max(65_535);
const ServiceName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/);

/** A program that tests talk to. It is started afresh on the loopback of every agent's and every check's sandbox, and ends with it. */
export const ServiceSpec = z.discriminatedUnion('kind', [
  z.strictObject({
    /** PostgreSQL of this installation. Found by DATABASE_URL and PGHOST, PGPORT, PGUSER, PGDATABASE; no password. */
    kind: z.literal('postgres'),
    port: Port.default(5432),
    user: ServiceName.default('postgres'),
    database: ServiceName.default('postgres'),
    timeout: z.int().min(1).max(600).default(60),
  }),
  z.strictObject({
    /** redis-server below /usr. Found by REDIS_URL. */
    kind: z.literal('redis'),
    port: Port.default(6379),
    timeout: z.int().min(1).max(600).default(60),
  }),
  z.strictObject({
    kind: z.literal('command'),
    /** Runs in the foreground. */
    command: z.string().min(1).max(4000),
    /** Ends with 0 when the service can be used. */
    ready: z.string().min(1).max(4000),
    timeout: z.int().min(1).max(600).default(60),
  }),
]);
export type ServiceSpec = z.infer<typeof ServiceSpec>;

/** A root file system by its name in this installation; `host-usr` is the machine's own /usr. */
export const RootName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,60}$/);
export const SecretName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,100}$/);
/** Tools whose versions can be told apart and chosen. */
export const ToolName = z.enum(['node', 'python', 'go', 'rust', 'java']);
export type ToolName = z.infer<typeof ToolName>;
/** A span of time: hours, days or weeks, or 0 for none. */
export const Duration = z.union([z.literal(0), z.string().regex(/^(?:0|[1-9]\d{0,3}[hdw])$/, 'expected 0, or a number of hours, days or weeks such as 36h, 3d or 2w')]);
export type Duration = z.infer<typeof Duration>;

const HOURS: Readonly<Record<string, number>> = { h: 1, d: 24, w: 168 };

export function milliseconds(duration: Duration): number {
  const [, number = '0', unit = 'h'] = /^(\d+)([hdw])?$/.exec(String(duration)) ?? [];
  return Number(number) * (HOURS[unit] ?? 0) * 3_600_000;
}

/** `name` or `name@version`. */
const PackageEntry = z.string().min(1).max(400).regex(/^@?[^@\s]+(?:@[^@\s]+)?$/, 'expected a name, or name@version');

/** A name with `*` for any part of it, such as `@acme/*`. */
const PackagePattern = z.string().min(1).max(214).regex(/^(?:@[\w.*~-]+\/)?[\w.*~-]+$/, 'expected a name, with * for any part of it');

/** https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/: an identifier, with its exception where it has one. */
const Licence = z.string().max(200).regex(/^[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.-]+)?$/, 'expected an SPDX identifier such as MIT');

/** A host as an address of a lockfile has it. */
const LockfileHost = z.string().max(260).regex(/^[a-z0-9]+(?:[.-][a-z0-9-]+)*(?::[1-9]\d{0,4})?$/, 'expected a name in lower case, or name:port');

/** An exact name of a host, with a port where it is not 443. */
const Host = z.string().max(260).regex(/^[a-z0-9]+(?:[.-][a-z0-9-]+)*(?::[1-9]\d{0,4})?$/, 'expected a name in lower case, or name:port').refine((h) => !/(?:^|\.)(?:\d+|0x[0-9a-f]*)(?::\d+)?$/.test(h), 'expected a name, not an address');

/** One value for a list of `sallyport.yaml`, by the list's path. */
export const ProposedLine = z.discriminatedUnion('key', [
  z.strictObject({ key: z.literal('hosts'), value: Host }),
  z.strictObject({ key: z.literal('packages.exempt'), value: PackageEntry }),
  z.strictObject({ key: z.literal('setup.install_scripts'), value: z.string().min(1).max(214).regex(/^[@\w./-]+$/, 'expected the name of a package') }),
]);
export type ProposedLine = z.infer<typeof ProposedLine>;

/** `sallyport.yaml` on the protected base. Every key is optional; unknown keys are an error, so that a typo cannot loosen anything. */
export const EnvironmentSpec = z.strictObject({
  version: z.literal(1),
  setup: z
    .strictObject({
      /** Shell commands run in the fetch phase, before any package is fetched; they reach the declared hosts and leave what they fetch in $SALLYPORT_FETCHED. */
      fetch: z.array(z.string().min(1).max(4000)).max(20).default([]),
      /** Shell script run in the build phase, with no route out. */
      script: z.string().max(20_000).optional(),
      /** Shell script run in the build phase when a frozen setup is used again; what it writes lies on top, for that run alone. */
      maintenance: z.string().max(20_000).optional(),
      /** Variables of the two scripts whose values this installation keeps. Nothing else ever sees them; a setup that leaves one behind is refused. */
      secrets: z.array(SecretName).max(50).default([]),
      /** Packages whose install scripts run in the build phase, with no route out. All others never run. */
      install_scripts: z.array(z.string().max(214)).max(100).default([]),
      /** Lets the client resolve versions where there is no lockfile. Weaker: what is fetched is then the registry's choice. */
      resolve: z.boolean().default(false),
      timeout: z.int().min(1).max(3600).default(900),
    })
    .default({ fetch: [], secrets: [], install_scripts: [], resolve: false, timeout: 900 }),
  /** What is seen inside in place of the machine's own /usr. */
  rootfs: RootName.default('host-usr'),
  /** Versions of tools, whole or from the left: `node: "22"`. */
  toolchains: z.partialRecord(ToolName, z.string().regex(/^\d+(\.\d+){0,2}$/, 'expected a version such as "22" or "3.12.1", in quotes')).default({}),
  /** What of a registry may be fetched, beside what the lockfile says. */
  packages: z
    .strictObject({
      /** How long a version must have been public. The installation's own minimum holds where it is longer. */
      minimum_age: Duration.default(0),
      /** Not bound by the minimum age. An entry without a version does not lift the installation's. */
      exempt: z.array(PackageEntry).max(100).default([]),
      /** Never fetched, whatever a lockfile says. */
      deny: z.array(PackageEntry).max(1000).default([]),
      /** Names of packages that this project's own registry alone may serve. `*` stands for any part of a name. */
      internal: z.array(PackagePattern).max(100).default([]),
      /** Hosts of registries that lockfiles may name, besides the configured one and those that the base's lockfile names. */
      registries: z.array(LockfileHost).max(20).default([]),
      /** Names that a person has looked at: they may resemble others. */
      known: z.array(z.string().min(1).max(214).regex(/^[@\w./-]+$/, 'expected the name of a package')).max(500).default([]),
      /** Licences by SPDX identifier. Without `allow`, all that are not denied. */
      licences: z.strictObject({ allow: z.array(Licence).max(200).default([]), deny: z.array(Licence).max(200).default([]) }).default({ allow: [], deny: [] }),
      /** How old the newest known advisory may be where a change adds packages; 0: of any age. */
      advisory_age: Duration.default(0),
    })
    .default({ minimum_age: 0, exempt: [], deny: [], internal: [], registries: [], known: [], licences: { allow: [], deny: [] }, advisory_age: 0 }),
  /** Hosts that commands of the fetch phase reach over TLS, beside the registries. */
  hosts: z.array(Host).max(50).default([]),
  checks: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,40}$/), CheckSpec).optional(),
  /** Linters, formatters, type checkers and scanners, whose findings are compared one by one. */
  tools: z.record(ToolId, ToolSpec).default({}),
  /** Results that decide nothing, each with its reason and its last day. */
  suppressions: z.array(Suppression).max(200).default([]),
  limits: z
    .strictObject({
      /** MiB of memory for everything in the sandbox. */
      memory: z.int().min(128).max(262_144).default(4096),
      /** Processes and threads. */
      pids: z.int().min(16).max(32_768).default(512),
      /** Cores, fractions allowed. */
      cpus: z.number().min(0.1).max(256).default(2),
      /** MiB that a workspace may grow by. */
      disk: z.int().min(64).max(1_048_576).default(8192),
    })
    .default({ memory: 4096, pids: 512, cpus: 2, disk: 8192 }),
  variables: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(10_000)).default({}),
  services: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,40}$/), ServiceSpec).default({}),
  /** Files of tests that check a defence, besides those that are known by their names. `*` stands for any part of a name, `**` for any folders. */
  security_tests: z.array(z.string().min(1).max(300)).max(100).default([]),
  /** OSV records in the repository, read from the protected base: a folder, or one file (.json, .jsonl or .zip). */
  advisories: RelativePath.optional(),
  /** Folders whose content setup makes: changes there are never part of a change. */
  ignore: z.array(RelativePath).max(100).default([]),
});
export type EnvironmentSpec = z.infer<typeof EnvironmentSpec>;

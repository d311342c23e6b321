// Runs biome from its platform package: the wrapper package names packages for platforms that a mirror need not carry.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const binary = createRequire(import.meta.url).resolve(`@biomejs/cli-linux-${process.arch}/biome`);
process.exit(spawnSync(binary, ['check', ...(process.argv.length > 2 ? process.argv.slice(2) : ['.'])], { stdio: 'inherit' }).status ?? 1);

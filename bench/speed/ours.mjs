// ours.mjs LIST: scans every file of a JSON list, as files of one package. Prints how many it could read.
import { readFileSync } from 'node:fs';
import { PackageScan } from '../../dist/scan/package-scan.js';

const scan = new PackageScan(() => null);
let read = 0;
for (const path of JSON.parse(readFileSync(process.argv[2], 'utf8'))) if (scan.scan(path, readFileSync(path, 'utf8')).problems.length === 0) read++;
console.log(read);

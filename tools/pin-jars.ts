import { writeFileSync } from 'node:fs';
import { hashFiles, HASHES, toLines } from '../stack/jar-hashes.ts';

// Rewrites connect/jars.sha256 from a folder that the three runs of connect/pom.xml have filled (see there):
//   npm run jars:pin -- FOLDER

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write(
    'JARS_FOLDER: give the folder that connect/pom.xml has filled, with kafka/, plugins/debezium/ and registry/ in it.\n',
  );
  process.exit(2);
}
const hashes = hashFiles(folder);
writeFileSync(HASHES, toLines(hashes));
process.stdout.write(`${hashes.size} files are listed in connect/jars.sha256\n`);

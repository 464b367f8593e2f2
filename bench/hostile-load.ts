import { attack, hostile, type Kind } from '../test/support/hostile-senders.ts';
import { HOOK } from './child.ts';

// Hostile senders as a process of their own. Arguments: the port and the kind. Attacks until stdin ends, then prints
// what it saw as JSON.

const [port, kind] = process.argv.slice(2);
const attacking = attack(Number(port), hostile(HOOK)[kind as Kind]);
process.stdin.resume().on('end', () => {
  const seen = { open: attacking.open(), opened: attacking.opened(), answers: attacking.answers() };
  attacking.stop();
  process.stdout.write(JSON.stringify(seen), () => process.exit());
});

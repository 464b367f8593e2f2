// The import law, types included. Services meet at the outbox table, the topic and the Avro schema, never in code; what
// two of them need is ground. A test may import what it tests.
const ground = 'contract|kit|checks|prisma';
const services = 'ingest|connect|watch|cleanup|consumers-example|operate|stack';

export default {
  forbidden: [
    {
      name: 'no-code-of-another-service',
      severity: 'error',
      from: { path: `^(${ground}|${services})/`, pathNot: '\\.test\\.ts$' },
      to: { path: `^(${services}|test|bench|tools)/`, pathNot: '^$1/' },
    },
    { name: 'contract-needs-nothing-of-ours', severity: 'error', from: { path: '^contract/' }, to: { path: '^(kit|checks|prisma)/' } },
    { name: 'kit-needs-the-contract-only', severity: 'error', from: { path: '^kit/' }, to: { path: '^(checks|prisma)/' } },
    {
      name: 'consumer-can-be-copied',
      comment: 'consumers-example/consumer/ is copied as it is.',
      severity: 'error',
      from: { path: '^consumers-example/consumer/' },
      to: { path: '^consumers-example/(?!consumer/)' },
    },
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)node_modules/|^(\\.stack|prisma/generated)' },
  },
};

// Which way imports point (docs: ARCHITECTURE.md, "Rooms"). Read by `npm run check`.
const rooms = {
  lib: [],
  core: ['lib'],
  bpf: ['lib', 'core'],
  jit: ['bpf', 'core', 'lib'],
  gates: ['bpf', 'core', 'lib'],
  simulator: ['jit', 'bpf', 'workload', 'core', 'lib'],
  workload: ['core', 'lib'],
  judge: ['core', 'lib'],
  traces: ['core', 'lib'],
  profiles: ['traces', 'core', 'lib'],
  sandbox: ['core', 'lib'],
  deployment: ['core', 'lib'],
  linux: ['core', 'lib'],
  knowledge: ['deployment', 'core', 'lib'],
  machines: ['simulator', 'linux', 'bpf', 'workload', 'traces', 'core', 'lib'],
  stages: ['core', 'bpf', 'workload', 'judge', 'knowledge', 'traces', 'profiles', 'deployment', 'lib'],
  services: [
    'stages',
    'judge',
    'knowledge',
    'bpf',
    'gates',
    'workload',
    'traces',
    'profiles',
    'sandbox',
    'deployment',
    'core',
    'lib',
  ],
  interfaces: ['services', 'core', 'lib'],
};
const worldly = ['linux', 'knowledge', 'interfaces', 'machines'];
// a thread, and the engine that is loaded into it: how a script is kept apart
const threads = '^src/sandbox/(thread|worker)\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `${room}-imports-only-${allowed.join('-') || 'nothing'}`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
    })),
    {
      name: 'only-doors',
      comment: "a room's sub-folders are private, to main.ts too",
      severity: 'error',
      from: { path: '^src/([^/]+)' },
      to: { path: '^src/[^/]+/[^/]+/', pathNot: '^src/$1/' },
    },
    {
      name: 'pure-rooms-do-not-touch-the-world',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: `^src/(${worldly.join('|')})/|^src/main\\.ts$|\\.test\\.ts$|${threads}`,
      },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|util|zlib)$' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: 'node_modules',
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};

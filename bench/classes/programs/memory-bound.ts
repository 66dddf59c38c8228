// Memory-bound: computes as the CPU-bound do, but over more memory than the caches hold: bandwidth and latency of memory decide. Without a PMU this is
// seen only by its traces (resident size, page faults), if at all.

import type { ClassProgram } from './program.ts';

export const memoryBound: readonly ClassProgram[] = [
  {
    name: 'stress-ng-stream',
    run: 'exec stress-ng --stream $N --stream-l3-size 64m',
    why: 'STREAM: bandwidth',
  },
  { name: 'stress-ng-memcpy', run: 'exec stress-ng --memcpy $N', why: 'copies memory' },
  {
    name: 'stress-ng-vm',
    run: 'exec stress-ng --vm $N --vm-bytes 512m --vm-keep',
    why: 'writes and checks 512 MB',
  },
  {
    name: 'stress-ng-memrate',
    run: 'exec stress-ng --memrate $N --memrate-bytes 256m',
    why: 'reads and writes 256 MB',
  },
  {
    name: 'stress-ng-randlist',
    run: 'exec stress-ng --randlist $N --randlist-items 5000000',
    why: 'follows pointers at random',
  },
  {
    name: 'stress-ng-bigheap',
    run: 'exec stress-ng --bigheap $N --bigheap-growth 16m',
    why: 'grows a heap and touches it',
  },
  {
    name: 'stress-ng-malloc',
    run: 'exec stress-ng --malloc $N --malloc-bytes 256m --malloc-touch',
    why: 'allocates, touches and frees',
  },
  {
    name: 'stress-ng-mmapmany',
    run: 'exec stress-ng --mmap $N --mmap-bytes 256m',
    why: 'maps, touches and unmaps 256 MB',
  },
  {
    name: 'sysbench-memory',
    run: 'exec sysbench memory --threads=$N --memory-block-size=256M --memory-total-size=100T --time=60 run',
    why: 'writes blocks of 256 MB',
  },
  { name: 'mbw', run: 'exec mbw -n 1000 256', why: 'copies an array of 256 MB' },
  { name: 'perf-bench-memcpy', run: 'exec perf bench mem memcpy -s 256MB -l 1000', why: 'copies 256 MB' },
  { name: 'perf-bench-memset', run: 'exec perf bench mem memset -s 512MB -l 1000', why: 'writes 512 MB' },
  {
    name: 'python-random-access',
    run: `exec python3 -c 'import array
n = 30000000
a = array.array("q", bytes(8 * n)); i = 1
while True: i = (i * 6364136223846793005 + 1442695040888963407) % n; a[i] += 1'`,
    why: 'touches 240 MB at random places',
  },
  {
    name: 'node-heap',
    run: `exec node --max-old-space-size=2000 -e 'const keep = []; for (let i = 0; ; i++) { keep[i % 2000000] = { i, next: keep[(i * 7919) % 2000000] && null } }'`,
    why: 'allocates objects into a heap of hundreds of MB that is collected all the time',
  },
  {
    name: 'sort-memory',
    run: 'while :; do sort -S 1G --parallel=$N -R big.txt > /dev/null; done',
    why: 'sorts 60 MB of lines in memory by reference',
  },
];

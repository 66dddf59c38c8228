// CPU-bound: few tasks that compute for as long as one lets them and hardly ever wait; the speed of the cores decides.

import type { ClassProgram } from './program.ts';

export const cpuBound: readonly ClassProgram[] = [
  {
    name: 'stress-ng-cpu',
    run: 'exec stress-ng --cpu $N --cpu-method matrixprod',
    why: 'multiplies small matrices for ever',
  },
  { name: 'stress-ng-prime', run: 'exec stress-ng --cpu $N --cpu-method prime', why: 'searches primes' },
  { name: 'stress-ng-crypt', run: 'exec stress-ng --crypt $N', why: 'hashes passwords with crypt(3)' },
  { name: 'stress-ng-hash', run: 'exec stress-ng --hash $N', why: 'hash functions over a buffer of some KB' },
  { name: 'stress-ng-funccall', run: 'exec stress-ng --funccall $N', why: 'calls functions' },
  { name: 'stress-ng-jpeg', run: 'exec stress-ng --jpeg $N', why: 'compresses one picture again and again' },
  {
    name: 'stress-ng-longjmp',
    run: 'exec stress-ng --longjmp $N',
    why: 'jumps within its own code, no system calls',
  },
  {
    name: 'sysbench-cpu',
    run: 'exec sysbench cpu --threads=$N --time=60 run',
    why: 'primes in threads that share nothing',
  },
  {
    name: 'openssl-speed',
    run: 'exec openssl speed -seconds 30 -multi $N sha256',
    why: 'a loop of digests over buffers in the cache',
  },
  {
    name: 'seven-zip-bench',
    run: 'exec $JOBS/usr/lib/p7zip/7z b 100 -mmt$N -md20',
    why: 'LZMA over one megabyte that stays in the cache, in a few threads',
  },
  { name: 'stockfish', run: 'exec stockfish bench 64 $N 40', why: 'searches a game tree' },
  { name: 'minisat', run: 'exec minisat hard.cnf', why: 'a satisfiability search, one thread' },
  { name: 'glpsol', run: 'exec glpsol --tmlim 60 --lp hard.lp', why: 'branch and bound, one thread' },
  { name: 'bc-pi', run: "echo 'scale=20000; a(1)' | exec bc -l -q", why: 'long arithmetic in one process' },
  {
    name: 'lua-loop',
    run: "exec lua5.4 -e 'local s = 0; while true do s = s * 3 % 1000003 + 1 end'",
    why: 'an interpreter that computes',
  },
  {
    name: 'python-nbody',
    run: `exec python3 -c 'x, v = 1.0, 0.0
while True: v -= x * 0.001; x += v * 0.001'`,
    why: 'an interpreter that computes',
  },
  {
    name: 'perl-sieve',
    run: `exec perl -e 'while (1) { my @s; for my $i (2 .. 3000) { next if $s[$i]; for (my $j = $i * $i; $j <= 3000; $j += $i) { $s[$j] = 1 } } }'`,
    why: 'an interpreter that computes',
  },
  {
    name: 'gawk-loop',
    run: "exec gawk 'BEGIN { while (1) s = (s * 7 + 3) % 65537 }'",
    why: 'an interpreter that computes',
  },
  {
    name: 'node-float',
    run: "exec node -e 'let s = 0; for (;;) s = Math.sin(s + 1)'",
    why: 'compiled JavaScript that computes; its helper threads sleep',
  },
  {
    name: 'xz-one',
    run: 'exec xz -9 -T1 -k -c big.txt > /dev/null',
    why: 'one long compression of a cached file',
  },
  {
    name: 'zstd-threads',
    run: 'exec zstd -19 --long -T$N -c big.txt > /dev/null',
    why: 'one long compression in a few threads',
  },
  {
    name: 'postgres-query',
    run: `exec ./postgres query "select sum(sqrt(a) * ln(a + b)) from generate_series(1, 3000) a, generate_series(1, 30000) b"`,
    why: 'one analytic query that computes over generated rows; the rest of the server sleeps',
  },
];

// Batch: many finite jobs that are to be finished; how many a second, or when the last one ends, is what counts.

import type { ClassProgram } from './program.ts';

export const batch: readonly ClassProgram[] = [
  {
    name: 'make-bzip2',
    run: 'while :; do rm -f bzip2/*.o; make -s -C bzip2 -j$N libbz2.a; done',
    why: 'a build: a compiler process for each file',
  },
  {
    name: 'make-many',
    run: 'while :; do make -s -B -j$N -f many.mk; done',
    why: 'a build of sixty small files',
  },
  {
    name: 'xargs-gzip',
    run: 'while :; do ls files/* | xargs -P $N -n 1 gzip -c > /dev/null; done',
    why: 'one compression for each of 200 files',
  },
  {
    name: 'parallel-xz',
    run: 'while :; do ls files/* | parallel -j $N xz -2 -c > /dev/null; done',
    why: 'jobs of GNU parallel',
  },
  {
    name: 'find-exec-sum',
    run: 'while :; do find files -type f -exec sha256sum {} ";" > /dev/null; done',
    why: 'one process for each file, one after the other',
  },
  {
    name: 'shell-for-openssl',
    run: 'while :; do for f in files/*; do openssl dgst -sha512 $f; done > /dev/null; done',
    why: 'a shell loop of short programs',
  },
  {
    name: 'xargs-python',
    run: "while :; do seq 200 | xargs -P $N -n 1 python3 -S -c 'import sys; print(sum(i * i for i in range(int(sys.argv[1]) * 1000)))' > /dev/null; done",
    why: 'two hundred small scripts',
  },
  {
    name: 'xargs-node',
    run: "while :; do seq 100 | xargs -P $N -n 1 node -e 'let s = 0; for (let i = 0; i < 1e7; i++) s += i' > /dev/null; done",
    why: 'a hundred small scripts',
  },
  {
    name: 'perl-fork-pool',
    run: `exec perl -e 'my $n = $ENV{N}; my $k = 0; while (1) { wait if $k >= $n; $k++ if $k < $n; unless (fork) { my $s = 0; $s += $_ ** 0.5 for 1 .. 200000 * (1 + int rand 4); exit } }'`,
    why: 'a pool of processes, one for each job',
  },
  {
    name: 'python-pool',
    run: `exec python3 -c 'import multiprocessing as m, os
def job(i): return sum(k * k % 7 for k in range(20000 * (1 + i % 9)))
if __name__ == "__main__":
  with m.Pool(int(os.environ["N"]), maxtasksperchild=4) as p:
    while True: p.map(job, range(64), 1)'`,
    why: 'jobs handed to a pool of processes that are replaced after four',
  },
  {
    name: 'flac-encode',
    run: 'while :; do ls wav/*.wav | xargs -P $N -n 1 flac -s -f -c > /dev/null; done',
    why: 'encodes forty recordings',
  },
  {
    name: 'sox-convert',
    run: 'while :; do ls wav/*.wav | xargs -P $N -I @ sox @ -t wav /dev/null rate 22050 reverb; done',
    why: 'converts forty recordings',
  },
  {
    name: 'gcc-each',
    run: 'while :; do for f in many/*.c; do gcc -O2 -c $f -o one.o; done; done',
    why: 'compiles file by file',
  },
  {
    name: 'sqlite-reports',
    run: "while :; do seq 50 | xargs -P $N -I @ sqlite3 :memory: 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) select sum(i * @ % 1000) from n' > /dev/null; done",
    why: 'fifty reports, a process for each',
  },
  {
    name: 'shell-text-jobs',
    run: 'while :; do for f in files/*; do grep -c the $f; sed s/the/THE/ $f | sort | uniq -c | tail -1; done > /dev/null; done',
    why: 'a script of small text jobs',
  },
  {
    name: 'configure-like',
    run: 'while :; do for i in 1 2 3 4 5 6 7 8 9; do echo "int f$i(void) { return $i; }" > conf.c && gcc -c conf.c -o conf.o && rm conf.o; expr $i + 1; done > /dev/null; done',
    why: 'what a configure script does: many tiny compilations and tools',
  },
  {
    name: 'stress-ng-exec',
    run: 'exec unshare --user --map-user=1000 stress-ng --exec $N',
    why: 'starts finite programs and counts them',
  },
  { name: 'stress-ng-fork', run: 'exec stress-ng --fork $N', why: 'starts finite processes and counts them' },
  {
    name: 'lz4-each',
    run: 'while :; do for f in files/*; do lz4 -9 -q -c $f; done > /dev/null; done',
    why: 'one compression after the other',
  },
  {
    name: 'tar-each',
    run: 'while :; do for d in trees/*; do tar -cz -f tar.out $d; done; done',
    why: 'packs twenty directories one by one',
  },
  {
    name: 'awk-shards',
    run: "while :; do ls files/* | xargs -P $N -n 4 gawk '{ for (i = 1; i <= NF; i++) c[$i]++ } END { for (w in c) n++; print n }' > /dev/null; done",
    why: 'counts words shard by shard',
  },
];

// Mixed: no single one dominates. Computing, messages, locks and disk in one program, or by turns.

import type { ClassProgram } from './program.ts';

export const mixed: readonly ClassProgram[] = [
  {
    name: 'stress-ng-mix',
    run: 'exec stress-ng --cpu 1 --hdd 1 --hdd-opts direct --hdd-bytes 32m --sockpair 1 --vm 1 --vm-bytes 64m',
    why: 'computing, disk, messages and memory side by side',
  },
  {
    name: 'stress-ng-iomix',
    run: 'exec stress-ng --iomix 1 --cpu 1',
    why: 'many kinds of file operations beside a computation',
  },
  {
    name: 'hackbench',
    run: 'while :; do hackbench -g 3 -f 5 -l 2000 > /dev/null; done',
    why: 'groups that pass messages: neither computing nor a device, all of them compete',
  },
  {
    name: 'perf-messaging',
    run: 'while :; do perf bench sched messaging -g 3 -l 1000 > /dev/null; done',
    why: 'as hackbench',
  },
  {
    name: 'hackbench-threads',
    run: 'while :; do hackbench -T -p -g $N -f 4 -l 3000 > /dev/null; done',
    why: 'threads that pass messages through pipes',
  },
  {
    name: 'stress-ng-pipe',
    run: 'exec stress-ng --pipe $N',
    why: 'pours bytes through pipes: producers and consumers stop each other',
  },
  { name: 'stress-ng-sock', run: 'exec stress-ng --sock $N', why: 'pours bytes through TCP on the loopback' },
  { name: 'stress-ng-mq', run: 'exec stress-ng --mq $N', why: 'pours messages through a queue' },
  {
    name: 'stress-ng-zlib',
    run: 'exec stress-ng --zlib $N',
    why: 'compressor and decompressor joined by a pipe',
  },
  {
    name: 'pipeline-checksum',
    run: 'cat /dev/urandom | gzip -1 | tee pipe.out | sha256sum',
    why: 'a pipeline: computing, pipes and a file that grows',
  },
  {
    name: 'disk-to-disk-zstd',
    run: 'while :; do dd if=big.txt bs=256k iflag=direct status=none | zstd -5 -c -q | dd of=zstd.out bs=64k iflag=fullblock oflag=dsync status=none; done',
    why: 'disk, compression and disk by turns',
  },
  {
    name: 'sysbench-threads',
    run: 'exec sysbench threads --threads=16 --thread-locks=2 --thread-yields=200 --time=60 run',
    why: 'threads that yield and wait for locks',
  },
  {
    name: 'sysbench-mutex',
    run: 'while :; do sysbench mutex --threads=12 --mutex-num=2 --mutex-locks=100000 --mutex-loops=200 run > /dev/null; done',
    why: 'threads that compute a little between locks',
  },
  {
    name: 'perf-futex-requeue',
    run: 'exec perf bench futex lock-pi -t 8 -M -r 60',
    why: 'threads that hand one lock around',
  },
  {
    name: 'dbench',
    run: 'exec dbench -t 60 -D . -c client.txt $N',
    why: "a file server's day: metadata, cache, writes and flushes",
  },
  {
    name: 'rsync-copy',
    run: 'while :; do rm -rf rsync.out; rsync -a -W --checksum --fsync files/ rsync.out/; done',
    why: 'three processes: reading, sums, sockets, synced writes',
  },
  {
    name: 'sqlite-load',
    run: "while :; do rm -f l.db*; sqlite3 l.db 'create table t(a integer primary key, b)' 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000) insert into t select i, hex(randomblob(40)) from n' 'create index u on t(b)' 'select sum(length(b)) from t group by substr(b, 1, 2)' > /dev/null; done",
    why: 'builds a table, commits it, indexes it, asks it: computing and disk by turns',
  },
  {
    name: 'iperf3',
    run: 'exec iperf3 -s -p 24501',
    load: 'iperf3 -c 127.0.0.1 -p 24501 -t 60 -P $N',
    why: 'a bulk transfer: copies in the kernel and waits for the peer',
  },
  {
    name: 'fio-verify',
    run: 'exec fio --name=job --filename=verify.bin --size=32m --rw=randwrite --bs=64k --direct=1 --ioengine=psync --verify=sha3-256 --do_verify=1 --time_based --runtime=60 --numjobs=1 --verify_backlog=16',
    why: 'digests of each block and the disk by turns',
  },
  {
    name: 'pgbench-tree',
    run: 'exec ./postgres bench -n -c 4 -j 2 -T 60',
    why: 'database and its clients in one tree: queries, messages, commits to the disk',
  },
];

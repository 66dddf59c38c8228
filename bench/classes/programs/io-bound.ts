// I/O-bound: waits for a disk most of the time that it does not compute, and would be faster with a faster disk. Inputs lie on a file system with a
// block device below it; O_DIRECT, fsync or dropped caches make the device work.

import type { ClassProgram } from './program.ts';

const fio = 'exec fio --name=job --filename=big.bin --size=256m --time_based --runtime=60 --group_reporting';

export const ioBound: readonly ClassProgram[] = [
  {
    name: 'fio-randread',
    run: `${fio} --rw=randread --bs=4k --direct=1 --ioengine=psync --numjobs=$N`,
    why: 'one 4 KB read after the other, past the cache',
  },
  {
    name: 'fio-seqread',
    run: `${fio} --rw=read --bs=1m --direct=1 --ioengine=psync --numjobs=$N`,
    why: 'megabytes past the cache',
  },
  {
    name: 'fio-randwrite',
    run: `${fio} --rw=randwrite --bs=16k --direct=1 --ioengine=psync --numjobs=$N`,
    why: 'writes past the cache',
  },
  {
    name: 'fio-fsync',
    run: `${fio} --rw=write --bs=4k --fsync=1 --ioengine=psync --numjobs=$N`,
    why: 'each write is synced',
  },
  {
    name: 'fio-libaio',
    run: `${fio} --rw=randrw --bs=8k --direct=1 --ioengine=libaio --iodepth=8 --numjobs=$N`,
    why: 'eight requests in flight, waits for completions',
  },
  {
    name: 'fio-thinktime',
    run: `${fio} --rw=randread --bs=64k --direct=1 --ioengine=psync --numjobs=$N --rate_iops=2000`,
    why: 'paced reads past the cache',
  },
  {
    name: 'stress-ng-hdd',
    run: 'exec stress-ng --hdd $N --hdd-bytes 64m --hdd-opts direct',
    why: 'writes and reads files past the cache',
  },
  {
    name: 'stress-ng-hdd-fsync',
    run: 'exec stress-ng --hdd $N --hdd-bytes 16m --hdd-opts fsync --hdd-write-size 4k',
    why: 'syncs after each write',
  },
  {
    name: 'stress-ng-revio',
    run: 'exec stress-ng --revio $N --revio-bytes 64m --revio-opts direct',
    why: 'writes backwards past the cache',
  },
  { name: 'stress-ng-msync', run: 'exec stress-ng --msync $N', why: 'syncs mapped pages to their file' },
  {
    name: 'stress-ng-io',
    run: 'exec stress-ng --io $N --hdd 1 --hdd-bytes 32m --hdd-opts dsync',
    why: 'sync(2) beside synchronous writes',
  },
  {
    name: 'sysbench-fileio',
    run: 'exec sysbench fileio --file-num=4 --file-total-size=128M --file-test-mode=rndrd --file-extra-flags=direct --threads=$N --time=60 run',
    why: 'random reads past the cache',
  },
  {
    name: 'sysbench-fileio-write',
    run: 'exec sysbench fileio --file-num=4 --file-total-size=128M --file-test-mode=rndwr --file-fsync-freq=1 --threads=$N --time=60 run',
    why: 'random writes, each synced',
  },
  {
    name: 'dd-direct-read',
    run: 'while :; do dd if=big.bin of=/dev/null bs=128k iflag=direct status=none; done',
    why: 'reads past the cache',
  },
  {
    name: 'dd-dsync-write',
    run: 'while :; do dd if=/dev/zero of=dd.out bs=4k count=60000 oflag=dsync conv=notrunc status=none; done',
    why: 'each block is on the disk before the next',
  },
  {
    name: 'ioping',
    run: 'exec ioping -D -q -i 0 -w 60 big.bin',
    why: 'measures single direct reads, one after the other',
  },
  {
    name: 'dbench-sync',
    run: 'exec dbench -t 60 -s -F -D . -c client.txt $N',
    why: "a file server's operations, each write synchronous",
  },
  {
    name: 'sqlite-commits',
    run: "rm -f t.db*; sqlite3 t.db 'create table t(a, b)'; yes 'insert into t values (random(), 7);' | sqlite3 t.db",
    why: 'a transaction for each row: every commit waits for the journal on the disk',
  },
  {
    name: 'pg-test-fsync',
    run: 'exec pg_test_fsync -f ./pgfsync.out -s 10',
    why: 'measures ways to sync a file',
  },
  {
    name: 'perl-fsync-log',
    run: `exec perl -MIO::Handle -e 'open my $f, ">", "log.out"; while (1) { print $f "entry " x 20, "\\n"; $f->flush; $f->sync; seek $f, 0, 0 if ++$n % 10000 == 0 }'`,
    why: 'a log that is synced line by line',
  },
  {
    name: 'python-cold-read',
    run: `exec python3 -c 'import os
f = os.open("big.bin", os.O_RDONLY); size = os.fstat(f).st_size; i = 1
while True:
  i = (i * 1103515245 + 12345) % 2**31; at = i % (size >> 16) << 16
  os.posix_fadvise(f, at, 65536, os.POSIX_FADV_DONTNEED); os.pread(f, 16384, at)'`,
    why: 'reads pages that it has dropped from the cache before',
  },
  {
    name: 'postgres-commits',
    run: `exec ./postgres query "do \\$\\$ begin for i in 1 .. 100000000 loop insert into log values (i); commit; end loop; end \\$\\$"`,
    why: 'a session that commits row by row: each waits for the log on the disk',
  },
];

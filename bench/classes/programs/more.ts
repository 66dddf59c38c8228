// Programs that were added after the draw: they are for training only, so that what is held out stays what was drawn. Chosen for being other programs than those,
// and labelled before they were run, as all are.

import type { ClassName } from '../../../src/core/profile.ts';
import { moreLatencyCritical } from './more-latency-critical.ts';
import type { ClassProgram } from './program.ts';

const fio = 'exec fio --name=job --filename=big.bin --size=256m --time_based --runtime=60 --group_reporting';

export const more: Readonly<Record<ClassName, readonly ClassProgram[]>> = {
  'cpu-bound': [
    { name: 'stress-ng-fp', run: 'exec stress-ng --fp $N', why: 'floating point in registers' },
    { name: 'stress-ng-str', run: 'exec stress-ng --str $N', why: 'string functions over short strings' },
    { name: 'stress-ng-regs', run: 'exec stress-ng --regs $N', why: 'shuffles registers' },
    {
      name: 'openssl-genrsa',
      run: 'exec openssl genrsa 16384 2> /dev/null',
      why: 'searches for large primes',
    },
    {
      name: 'pigz',
      run: 'exec pigz -11 -p $N -c big.txt > /dev/null',
      why: 'one long compression in a few threads',
    },
    {
      name: 'pbzip2',
      run: 'while :; do pbzip2 -p$N -9 -c big.txt > /dev/null; done',
      why: 'one long compression in a few threads',
    },
    {
      name: 'sqlite-query',
      run: "exec sqlite3 :memory: 'with recursive n(i) as (select 1 union all select i + 1 from n) select sum(i * i % 7) from n'",
      why: 'one endless query over generated rows',
    },
    {
      name: 'perl-regex',
      run: `exec perl -e 'my $s = "ab" x 500; while (1) { $s =~ /(a|b)*c/; $s =~ tr/ab/ba/ }'`,
      why: 'an interpreter that searches a string',
    },
    {
      name: 'node-workers',
      run: `exec node -e 'const { Worker } = require("worker_threads"); for (let i = 0; i < +process.env.N; i++) new Worker("let s = 1; for (;;) s = (s * 7 + 1) % 1000003", { eval: true })'`,
      why: 'threads that compute',
    },
  ],
  'memory-bound': [
    { name: 'stress-ng-memthrash', run: 'exec stress-ng --memthrash $N', why: 'writes 16 MB in many orders' },
    { name: 'stress-ng-fault', run: 'exec stress-ng --fault $N', why: 'page faults' },
    {
      name: 'stress-ng-shm',
      run: 'exec stress-ng --shm $N --shm-bytes 64m',
      why: 'maps, touches and drops shared memory',
    },
    {
      name: 'dd-memory',
      run: 'exec dd if=/dev/zero of=/dev/null bs=256M count=1000000 status=none',
      why: 'clears 256 MB again and again',
    },
    {
      name: 'lua-tables',
      run: "exec lua5.4 -e 'local t = {} for i = 1, 8e6 do t[i] = i end local i = 1 while true do i = (i * 7919 + 13) % 8000000 + 1 t[i] = t[i] + 1 end'",
      why: 'touches a large table at random places',
    },
  ],
  'io-bound': [
    {
      name: 'fio-io-uring',
      run: `${fio} --rw=randread --bs=16k --direct=1 --ioengine=io_uring --iodepth=4 --numjobs=$N`,
      why: 'reads past the cache, four in flight',
    },
    {
      name: 'fio-randrw-sync',
      run: `${fio} --rw=randrw --bs=8k --direct=1 --sync=1 --ioengine=psync --numjobs=$N`,
      why: 'reads and synchronous writes past the cache',
    },
    { name: 'stress-ng-aiol', run: 'exec stress-ng --aiol $N', why: 'asynchronous I/O past the cache' },
    {
      name: 'stress-ng-sync-file',
      run: 'exec stress-ng --sync-file $N --sync-file-bytes 32m',
      why: 'pushes ranges of a file to the disk',
    },
    {
      name: 'stress-ng-readahead',
      run: 'exec stress-ng --readahead $N --readahead-bytes 64m',
      why: 'random reads of a file, past the cache',
    },
    {
      name: 'dd-fdatasync',
      run: 'while :; do dd if=/dev/zero of=sync.out bs=128k count=400 conv=fdatasync status=none; done',
      why: 'writes files that are to be on the disk',
    },
    {
      name: 'dd-direct-write',
      run: 'while :; do dd if=/dev/zero of=dd.out bs=512k count=500 oflag=direct conv=notrunc status=none; done',
      why: 'writes past the cache',
    },
    {
      name: 'python-fsync',
      run: `exec python3 -c 'import os
f = os.open("py.out", os.O_CREAT | os.O_WRONLY)
while True: os.pwrite(f, b"x" * 2000, 0); os.fsync(f)'`,
      why: 'a record that is synced again and again',
    },
    {
      name: 'node-fsync',
      run: 'exec node -e \'const fs = require("fs"); const f = fs.openSync("node.out", "w"); for (;;) { fs.writeSync(f, "line of a log\\n", 0); fs.fdatasyncSync(f) }\'',
      why: 'a log that is synced line by line',
    },
    {
      name: 'bonnie',
      run: 'exec bonnie++ -u root -d . -s 300M -r 100 -n 0 -f -b -D',
      why: 'a disk benchmark past the cache',
    },
  ],
  'latency-critical': moreLatencyCritical,
  batch: [
    { name: 'stress-ng-clone', run: 'exec stress-ng --clone $N', why: 'starts finite tasks and counts them' },
    {
      name: 'stress-ng-pthread',
      run: 'exec stress-ng --pthread $N',
      why: 'starts finite threads and counts them',
    },
    {
      name: 'xargs-bc',
      run: 'while :; do seq 100 400 | xargs -P $N -I @ sh -c "echo \'scale=@; a(1)\' | bc -l" > /dev/null; done',
      why: 'three hundred small calculations',
    },
    {
      name: 'node-spawn',
      run: `exec node -e 'const { spawn } = require("child_process"); const next = () => spawn("sha512sum", ["files/" + (1 + Math.floor(Math.random() * 200)) + ".txt"], { stdio: "ignore" }).on("close", next); for (let i = 0; i < +process.env.N; i++) next()'`,
      why: 'a queue of jobs, a process for each',
    },
    {
      name: 'python-subprocess',
      run: `exec python3 -c 'import subprocess, glob
while True:
  for f in glob.glob("files/*"): subprocess.run(["gzip", "-c", f], stdout=subprocess.DEVNULL)'`,
      why: 'a script that compresses file by file',
    },
    {
      name: 'zstd-each',
      run: 'while :; do ls files/* | xargs -P $N -n 3 zstd -15 -q -c > /dev/null; done',
      why: 'a compression for each three files',
    },
    {
      name: 'make-copies',
      run: 'while :; do rm -rf b2; cp -r bzip2 b2; make -s -C b2 -j$N bzip2 2> /dev/null; done',
      why: 'copies and builds a project again and again',
    },
  ],
  mixed: [
    {
      name: 'stress-ng-mix-two',
      run: 'exec stress-ng --cpu 2 --io 1 --pipe 1 --switch 1',
      why: 'computing, syncing and messages side by side',
    },
    {
      name: 'stress-ng-mix-three',
      run: 'exec stress-ng --matrix 1 --hdd 1 --hdd-opts dsync --hdd-bytes 8m --fifo 1 --timerfd 1',
      why: 'computing, disk, messages and timers side by side',
    },
    { name: 'stress-ng-fifo', run: 'exec stress-ng --fifo $N', why: 'one writer and many readers of a FIFO' },
    {
      name: 'stress-ng-sockpair',
      run: 'exec stress-ng --sockpair $N',
      why: 'pours bytes through socket pairs',
    },
    { name: 'stress-ng-msg', run: 'exec stress-ng --msg $N', why: 'pours messages through a queue' },
    { name: 'stress-ng-udp', run: 'exec stress-ng --udp $N', why: 'pours datagrams over the loopback' },
    {
      name: 'stress-ng-futex',
      run: 'exec stress-ng --futex $N',
      why: 'two tasks that wake each other all the time',
    },
    {
      name: 'stress-ng-epoll',
      run: 'exec stress-ng --epoll $N',
      why: 'connections between clients and a server of one tree',
    },
    {
      name: 'direct-to-sum',
      run: 'while :; do dd if=big.bin bs=1M iflag=direct status=none | sha256sum > /dev/null; done',
      why: 'disk and digests joined by a pipe',
    },
    {
      name: 'sort-to-disk',
      run: 'while :; do head -c 8000000 big.txt | sort -S 1M -T . | zstd -3 -c > sorted.out; sync sorted.out; done',
      why: 'sorts through files, compresses, syncs',
    },
    {
      name: 'python-threads',
      run: `exec python3 -c 'import threading, queue, hashlib
q = queue.Queue(20)
def work():
  while True: hashlib.sha256(q.get()).hexdigest()
for _ in range(4): threading.Thread(target=work).start()
while True: q.put(b"x" * 20000)'`,
      why: 'threads that compute and contend for a queue and a lock',
    },
    {
      name: 'perf-futex-hash',
      run: 'exec perf bench sched messaging -t -g 4 -l 100000',
      why: 'threads that pass messages: all of them compete',
    },
    {
      name: 'pgbench-writes',
      run: 'exec ./postgres bench -N -n -c 8 -j 2 -T 60',
      why: 'database and clients in one tree: computing, messages, commits to the disk',
    },
    {
      name: 'redis-tree',
      run: 'redis-server --port 24331 --save "" > /dev/null & exec redis-benchmark -p 24331 -c 10 -n 100000000 -t set,get -q',
      why: 'a store and its clients in one tree: computing and messages',
    },
    {
      name: 'nginx-tree',
      run: 'nginx -p . -c nginx.conf & sleep 0.3; exec wrk -t 1 -c 4 -d 60 http://127.0.0.1:24301/page.html',
      why: 'a web server and its clients in one tree: computing and messages',
    },
    {
      name: 'iperf3-tree',
      run: 'iperf3 -s -p 24332 > /dev/null & sleep 0.3; exec iperf3 -c 127.0.0.1 -p 24332 -t 60 -P $N',
      why: 'a bulk transfer, both ends: copies and waits for the peer',
    },
  ],
  idle: [
    { name: 'lighttpd-idle', run: 'exec lighttpd -D -f lighttpd.conf', why: 'a server without clients' },
    {
      name: 'beanstalkd-idle',
      run: 'exec beanstalkd -l 127.0.0.1 -p 24409',
      why: 'a server without clients',
    },
    {
      name: 'python-http-idle',
      run: 'exec python3 -m http.server -d . 24410',
      why: 'a server without clients; looks around twice a second',
    },
    {
      name: 'node-http-idle',
      run: 'exec node -e \'require("http").createServer(() => {}).listen(24411)\'',
      why: 'a server without clients',
    },
    {
      name: 'perl-sleep',
      run: "exec perl -e 'while (1) { select undef, undef, undef, 0.2 }'",
      why: 'wakes five times a second and does nothing',
    },
    {
      name: 'watch-date',
      run: 'while :; do date > /dev/null; sleep 1; done',
      why: 'looks at the clock once a second',
    },
    {
      name: 'python-asyncio',
      run: `exec python3 -c 'import asyncio
async def tick(s):
  while True: await asyncio.sleep(s)
async def main(): await asyncio.gather(*[tick(1 + i / 7) for i in range(10)])
asyncio.run(main())'`,
      why: 'ten slow timers',
    },
    {
      name: 'redis-connected',
      run: 'exec redis-server --port 24412 --save ""',
      load: `exec python3 -c 'import socket, time
s = [socket.create_connection(("127.0.0.1", 24412)) for _ in range(50)]
time.sleep(99)'`,
      why: 'a server whose clients are silent',
    },
  ],
};

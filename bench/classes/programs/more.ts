// Programs that were added after the draw: they are for training only, so that what is held out stays what was drawn. Chosen for being other programs than those,
// and labelled before they were run, as all are.

import type { ClassName } from '../../../src/core/profile.ts';
import type { ClassProgram } from './program.ts';

const fio = 'exec fio --name=job --filename=big.bin --size=256m --time_based --runtime=60 --group_reporting';
const ask = (request: string, ms: number): string => `exec python3 -u client.py ${request} ${ms}`;

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
  'latency-critical': [
    {
      name: 'nginx-ab',
      run: 'exec nginx -p . -c nginx-b.conf',
      load: 'while :; do ab -q -c $((N * 2)) -n 3000 http://127.0.0.1:24302/page.html > /dev/null; done',
      why: 'a web server that gets a connection for each request',
    },
    {
      name: 'unbound-paced',
      run: 'exec unbound -d -c unbound.conf',
      load: 'exec dnsperf -s 127.0.0.1 -p 24313 -d names.txt -l 60 -c $N -Q $((N * 200))',
      why: 'a name server with some hundred questions a second',
    },
    {
      name: 'haproxy-paced',
      run: 'exec haproxy -f haproxy.cfg',
      load: `nginx -p . -c nginx-c.conf & ${ask('http 24304', 2)}`,
      why: 'a proxy with some hundred requests a second',
    },
    {
      name: 'node-paced',
      run: 'exec node -e \'require("http").createServer((q, a) => { let s = 0; for (let i = 0; i < 1e5; i++) s += i % 7; a.end(String(s)) }).listen(24321)\'',
      load: ask('http 24321', 4),
      why: 'an application server with some hundred requests a second',
    },
    {
      name: 'python-echo',
      run: `exec python3 -c 'import socket, threading
def serve(c):
  while d := c.recv(4096): c.send(d)
s = socket.create_server(("127.0.0.1", 24322))
while True: threading.Thread(target=serve, args=[s.accept()[0]]).start()'`,
      load: ask('memcached 24322', 2),
      why: 'answers each message',
    },
    {
      name: 'redis-many',
      run: 'exec redis-server --port 24323 --save ""',
      load: 'exec redis-benchmark -p 24323 -c 50 -P $N -n 100000000 -t lpush,lpop -q',
      why: 'a store whose clients wait for each answer',
    },
    {
      name: 'postgres-transactions',
      run: 'exec ./postgres serve',
      load: 'exec ./pgbench-load -n -c $N -R 150 -T 60',
      why: 'a database with a hundred and fifty short transactions a second that are waited for',
    },
    {
      name: 'pmqtest',
      run: 'exec pmqtest -q -t $N -i 1000 -d 0',
      why: 'a message every millisecond that the other thread waits for',
    },
    {
      name: 'svsematest',
      run: 'exec svsematest -q -t $N -i 2000 -d 0',
      why: 'a semaphore every two milliseconds that the other thread waits for',
    },
    {
      name: 'cyclictest-slow',
      run: 'exec cyclictest -q -t $((N * 2)) -i 8000 -d 500 --policy=other',
      why: 'keeps periods of eight milliseconds and more',
    },
    {
      name: 'gst-encode',
      run: 'exec gst-launch-1.0 -q videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! theoraenc ! fakesink sync=true',
      why: 'thirty frames a second are encoded, each at its time',
    },
    {
      name: 'jackd-slow',
      run: 'exec jackd -r -d dummy -r 44100 -p 512',
      why: 'an audio server with a period of twelve milliseconds',
    },
    {
      name: 'mosquitto-slow',
      run: 'exec mosquitto -p 24324',
      load: 'sleep 0.2; mosquitto_sub -p 24324 -t a > /dev/null & while :; do echo 21.5; sleep 0.01; done | mosquitto_pub -p 24324 -t a -l',
      why: 'a broker that passes each reading on at once',
    },
    // After a first look at what was held out: servers whose clients ask as fast as they can were hardly among what was learnt from.
    {
      name: 'lighttpd-full',
      run: 'exec lighttpd -D -f lighttpd.conf',
      load: 'exec wrk -t 1 -c $((N * 6)) -d 60 http://127.0.0.1:24303/page.html',
      why: 'a web server whose clients wait for each page',
    },
    {
      name: 'redis-full',
      run: 'exec redis-server --port 24325 --save ""',
      load: 'exec redis-benchmark -p 24325 --threads $N -c 40 -n 100000000 -t get,incr -q',
      why: 'a store whose clients wait for each answer',
    },
    {
      name: 'unbound-full',
      run: 'exec unbound -d -c unbound.conf',
      load: 'exec dnsperf -s 127.0.0.1 -p 24313 -d names.txt -l 60 -c $N -T $N',
      why: 'a name server whose clients wait for each answer',
    },
    {
      name: 'memcached-many',
      run: 'exec memcached -u root -l 127.0.0.1 -p 24326 -t 3',
      load: 'while :; do memcslap -s 127.0.0.1:24326 --concurrency=$((N * 8)) --execute-number=3000 --test=set > /dev/null; done',
      why: 'a cache whose clients wait for each answer',
    },
    {
      name: 'node-cluster',
      run: `exec node -e 'const c = require("cluster"); if (c.isPrimary) { c.fork(); c.fork() } else require("http").createServer((q, a) => { let s = 0; for (let i = 0; i < 5e4; i++) s += i % 7; a.end(String(s)) }).listen(24327)'`,
      load: 'exec wrk -t 1 -c $((N * 4)) -d 60 http://127.0.0.1:24327/',
      why: 'an application server of two processes whose clients wait for each answer',
    },
    {
      name: 'python-server',
      run: `exec python3 -c 'import http.server
class H(http.server.BaseHTTPRequestHandler):
  protocol_version = "HTTP/1.1"
  def do_GET(self):
    b = str(sum(range(3000))).encode(); self.send_response(200); self.send_header("Content-Length", str(len(b))); self.end_headers(); self.wfile.write(b)
  def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 24328), H).serve_forever()'`,
      load: 'exec wrk -t 1 -c $((N * 2)) -d 60 http://127.0.0.1:24328/',
      why: 'an application server whose clients wait for each answer',
    },
    {
      name: 'beanstalkd-many',
      run: 'exec beanstalkd -l 127.0.0.1 -p 24329',
      load: `for i in 1 2 3 4; do ${ask('beanstalkd 24329', 0.01).replace('exec ', '')} & done; wait`,
      why: 'a queue whose clients wait for each answer',
    },
    {
      name: 'nats-many',
      run: 'exec nats-server -a 127.0.0.1 -p 24330',
      load: `for i in 1 2 3 4; do ${ask('nats 24330', 0.01).replace('exec ', '')} & done; wait`,
      why: 'a broker whose clients wait for each message',
    },
    {
      name: 'postgres-many',
      run: 'exec ./postgres serve',
      load: 'exec ./pgbench-load -S -n -M prepared -c $((N * 3)) -T 60',
      why: 'a database whose clients wait for each short query',
    },
  ],
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

// A second hold-out: programs that were written down when everything else was fixed, and that no change has looked at. One run each.

import type { ClassName } from '../../../src/core/profile.ts';
import type { ClassProgram } from './program.ts';

export const fresh: Readonly<Record<ClassName, readonly ClassProgram[]>> = {
  'cpu-bound': [
    { name: 'stress-ng-matrix', run: 'exec stress-ng --matrix 2', why: 'small matrices in the cache' },
    { name: 'stress-ng-goto', run: 'exec stress-ng --goto 1', why: 'jumps within its own code' },
    { name: 'openssl-rsa', run: 'exec openssl speed -seconds 30 -multi 2 rsa2048', why: 'signatures' },
    {
      name: 'lua-strings',
      run: 'exec lua5.4 -e \'while true do local s = string.rep("ab", 100):reverse():upper() end\'',
      why: 'an interpreter that computes',
    },
    {
      name: 'bzip2-cached',
      run: 'exec sh -c "while :; do head -c 30000000 big.txt; done | bzip2 -9 > /dev/null"',
      why: 'one long compression; its input comes faster than it is used',
    },
  ],
  'memory-bound': [],
  'io-bound': [
    {
      name: 'fio-write-64k',
      run: 'exec fio --name=job --filename=big.bin --size=256m --rw=write --bs=64k --direct=1 --ioengine=psync --time_based --runtime=60',
      why: 'writes past the cache',
    },
    {
      name: 'fio-fdatasync',
      run: 'exec fio --name=job --filename=fresh.bin --size=32m --rw=randwrite --bs=4k --fdatasync=1 --ioengine=psync --time_based --runtime=60 --numjobs=2',
      why: 'each write is synced',
    },
    {
      name: 'ioping-write',
      run: 'exec ioping -D -q -i 0 -WWW -w 60 fresh.ioping',
      why: 'measures single direct writes',
    },
    {
      name: 'lua-flush',
      run: "exec sh -c 'while :; do head -c 3000 big.txt > fresh.log; sync fresh.log; done'",
      why: 'small files, each synced',
    },
  ],
  'latency-critical': [
    {
      name: 'haproxy-static',
      run: 'exec haproxy -f fresh-haproxy.cfg',
      load: 'exec wrk -t 1 -c 6 -d 60 http://127.0.0.1:24340/',
      why: 'answers each request',
    },
    {
      name: 'perl-server',
      run: `exec perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 24341, Listen => 5, ReuseAddr => 1) or die; while (my $c = $s->accept) { while (sysread $c, my $b, 4096) { syswrite $c, "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok" } }'`,
      load: 'exec wrk -t 1 -c 1 -d 60 http://127.0.0.1:24341/',
      why: 'answers each request of one client',
    },
    {
      name: 'python-asyncio-server',
      run: `exec python3 -c 'import asyncio
async def serve(r, w):
  while d := await r.read(4096): w.write(d)
async def main():
  s = await asyncio.start_server(serve, "127.0.0.1", 24342)
  await s.serve_forever()
asyncio.run(main())'`,
      load: 'exec python3 -u client.py memcached 24342 3',
      why: 'answers each message',
    },
    {
      name: 'node-net',
      run: 'exec node -e \'require("net").createServer((c) => c.on("data", (d) => c.write(d)).on("error", () => {})).listen(24343, "127.0.0.1")\'',
      load: 'exec python3 -u client.py redis 24343 0.5',
      why: 'answers each message',
    },
    {
      name: 'gst-both',
      run: 'exec gst-launch-1.0 -q videotestsrc is-live=true ! video/x-raw,framerate=25/1 ! fakesink sync=true audiotestsrc is-live=true samplesperbuffer=480 ! audioconvert ! fakesink sync=true',
      why: 'pictures and sound, each at its time',
    },
    {
      name: 'cyclictest-fast',
      run: 'exec cyclictest -q -t 1 -i 400 -d 0 --policy=other',
      why: 'keeps a period of less than half a millisecond',
    },
  ],
  batch: [
    {
      name: 'xargs-md5',
      run: 'while :; do ls files/* | xargs -P 2 -n 2 md5sum > /dev/null; done',
      why: 'a process for each two files',
    },
    {
      name: 'perl-system',
      run: `exec perl -e 'while (1) { system "wc -w files/" . (1 + int rand 200) . ".txt > /dev/null" }'`,
      why: 'a script that starts one program after the other',
    },
    {
      name: 'lua-jobs',
      run: "while :; do for i in 1 2 3 4 5; do lua5.4 -e 'local s = 0 for i = 1, 2e6 do s = s + i end' & done; wait; done",
      why: 'five jobs at a time, and again',
    },
    {
      name: 'pbzip2-each',
      run: 'while :; do for f in files/*; do pbzip2 -p2 -k -c $f > /dev/null; done; done',
      why: 'file after file',
    },
  ],
  mixed: [
    { name: 'stress-ng-sem', run: 'exec stress-ng --sem-sysv 2', why: 'tasks that hand semaphores around' },
    {
      name: 'stress-ng-eventfd',
      run: 'exec stress-ng --eventfd 2',
      why: 'pairs that pass events as fast as they can',
    },
    {
      name: 'stress-ng-all-sides',
      run: 'exec stress-ng --crypt 1 --hdd 1 --hdd-opts dsync --hdd-bytes 8m --sock 1 --mq 1',
      why: 'computing, disk and messages side by side',
    },
    {
      name: 'tar-to-disk',
      run: 'while :; do tar -c files trees | gzip -3 | dd of=fresh.tgz bs=64k iflag=fullblock oflag=dsync status=none; done',
      why: 'computing, pipes and disk by turns',
    },
  ],
  idle: [
    { name: 'gawk-wait', run: "exec gawk '{ print }' quiet.fifo", why: 'waits for input that does not come' },
    {
      name: 'perl-accept',
      run: `exec perl -MIO::Socket::INET -e 'IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 24344, Listen => 5)->accept'`,
      why: 'a server without clients',
    },
    {
      name: 'node-slow-timers',
      run: "exec node -e 'for (let i = 1; i < 6; i++) setInterval(() => {}, 700 * i)'",
      why: 'five slow timers',
    },
    {
      name: 'python-select',
      run: `exec python3 -c 'import select
while True: select.select([], [], [], 0.4)'`,
      why: 'looks around twice a second',
    },
  ],
};

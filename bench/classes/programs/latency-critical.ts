// Latency-critical: something outside waits for each short answer, or a period must be kept. Servers are observed with their clients outside the tree.

import type { ClassProgram } from './program.ts';

const slow = (request: string, ms: number): string => `exec python3 -u client.py ${request} ${ms}`;

export const latencyCritical: readonly ClassProgram[] = [
  {
    name: 'nginx-wrk',
    run: 'exec nginx -p . -c nginx.conf',
    load: 'exec wrk -t 1 -c $((N * 4)) -d 60 http://127.0.0.1:24301/page.html',
    why: 'a web server whose clients wait for each page',
  },
  {
    name: 'nginx-paced',
    run: 'exec nginx -p . -c nginx-b.conf',
    load: slow('http 24302', 2),
    why: 'a web server with some hundred requests a second',
  },
  {
    name: 'lighttpd-ab',
    run: 'exec lighttpd -D -f lighttpd.conf',
    load: 'while :; do ab -q -k -c $((N * 2)) -n 20000 http://127.0.0.1:24303/page.html > /dev/null; done',
    why: 'a web server whose clients wait for each page',
  },
  {
    name: 'haproxy-wrk',
    run: 'exec haproxy -f haproxy.cfg',
    load: 'nginx -p . -c nginx-c.conf & exec wrk -t 1 -c $((N * 3)) -d 60 http://127.0.0.1:24304/page.html',
    why: 'a proxy between clients and a server that both wait for it',
  },
  {
    name: 'redis-benchmark',
    run: 'exec redis-server --port 24305 --save ""',
    load: 'exec redis-benchmark -p 24305 -c $((N * 5)) -n 100000000 -t set,get -q',
    why: 'a store whose clients wait for each answer',
  },
  {
    name: 'redis-paced',
    run: 'exec redis-server --port 24306 --save "" --io-threads $N',
    load: slow('redis 24306', 1),
    why: 'a store with some hundred requests a second',
  },
  {
    name: 'memcached-paced',
    run: 'exec memcached -u root -l 127.0.0.1 -p 24307 -t $N',
    load: slow('memcached 24307', 1),
    why: 'a cache whose clients wait for each answer',
  },
  {
    name: 'memcached-slap',
    run: 'exec memcached -u root -l 127.0.0.1 -p 24308 -t 2',
    load: 'while :; do memcslap -s 127.0.0.1:24308 --concurrency=$((N * 3)) --execute-number=5000 --test=get > /dev/null; done',
    why: 'a cache whose clients wait for each answer',
  },
  {
    name: 'mosquitto-topics',
    run: 'exec mosquitto -p 24310',
    load: 'sleep 0.2; mosquitto_sub -p 24310 -t a > /dev/null & mosquitto_sub -p 24310 -t a > /dev/null & while :; do echo 21.5; sleep 0.002; done | mosquitto_pub -p 24310 -t a -l',
    why: 'a broker that passes each reading on at once',
  },
  {
    name: 'beanstalkd',
    run: 'exec beanstalkd -l 127.0.0.1 -p 24311',
    load: slow('beanstalkd 24311', 1),
    why: 'a queue whose clients wait for each answer',
  },
  {
    name: 'nats',
    run: 'exec nats-server -a 127.0.0.1 -p 24312',
    load: slow('nats 24312', 1),
    why: 'a broker whose client waits for each message to come back',
  },
  {
    name: 'unbound-dnsperf',
    run: 'exec unbound -d -c unbound.conf',
    load: 'exec dnsperf -s 127.0.0.1 -p 24313 -d names.txt -l 60 -c $N -Q 4000',
    why: 'a name server: each question is waited for',
  },
  {
    name: 'sockperf-server',
    run: 'exec sockperf sr --tcp -i 127.0.0.1 -p 24314',
    load: 'exec sockperf ul --tcp -i 127.0.0.1 -p 24314 -t 60 --mps 5000 --reply-every 1',
    why: 'answers each message; its client measures the latency',
  },
  {
    name: 'postgres-select',
    run: 'exec ./postgres serve',
    load: 'exec ./pgbench-load -S -n -c $N -R 800 -T 60',
    why: 'a database with eight hundred short queries a second that are waited for',
  },
  {
    name: 'postgres-closed',
    run: 'exec ./postgres serve',
    load: 'exec ./pgbench-load -S -n -c $((N * 2)) -T 60',
    why: 'a database whose clients wait for each short query',
  },
  {
    name: 'python-http',
    run: 'exec python3 -m http.server -d . 24317 2> /dev/null',
    load: 'while :; do ab -q -c $N -n 5000 http://127.0.0.1:24317/page.html > /dev/null; done',
    why: 'a small web server whose clients wait for each page',
  },
  {
    name: 'node-http',
    run: 'exec node -e \'require("http").createServer((q, a) => { let s = 0; for (let i = 0; i < 2e4; i++) s += i % 7; a.end(String(s)) }).listen(24318)\'',
    load: 'exec wrk -t 1 -c $((N * 2)) -d 60 http://127.0.0.1:24318/',
    why: 'an application server whose clients wait for each answer',
  },
  {
    name: 'cyclictest',
    run: 'exec cyclictest -q -t $N -i 1000 -d 0 --policy=other',
    why: 'keeps a period of one millisecond',
  },
  {
    name: 'signaltest',
    run: 'exec signaltest -q -t $((N + 1)) -p 0 -l 100000000',
    why: 'threads that signal each other in a ring: each waits for the one before',
  },
  {
    name: 'ptsematest',
    run: 'exec ptsematest -q -t $N -i 500 -d 0',
    why: 'a thread waits for the release of a mutex every half millisecond',
  },
  {
    name: 'perf-pipe',
    run: 'exec perf bench sched pipe -l 100000000',
    why: 'two processes: each step waits for the short answer of the other',
  },
  {
    name: 'gst-video',
    run: 'exec gst-launch-1.0 -q videotestsrc is-live=true ! video/x-raw,width=640,height=480,framerate=60/1 ! videoconvert ! fakesink sync=true',
    why: 'sixty frames a second, each at its time',
  },
  {
    name: 'gst-audio',
    run: 'exec gst-launch-1.0 -q audiotestsrc is-live=true samplesperbuffer=256 ! audioconvert ! audioresample ! audio/x-raw,rate=48000 ! fakesink sync=true',
    why: 'audio in buffers of six milliseconds',
  },
  {
    name: 'jackd',
    run: 'exec jackd -r -d dummy -r 48000 -p 128',
    why: 'an audio server with a period of three milliseconds',
  },
];

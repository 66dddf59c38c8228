// A web server and its clients in one process: so many requests over 32 connections that are kept, each answered after a little work.

import { createHash } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';

const wanted = Number(process.argv[2]);
const page = 'x'.repeat(2000);
const server = createServer((_, response) => {
  response.end(createHash('sha256').update(page).digest('hex'));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const agent = new Agent({ keepAlive: true, maxSockets: 32 });
const { port } = server.address();
const ask = () =>
  new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', agent }, (response) => response.resume().on('end', resolve))
      .on('error', reject)
      .end();
  });
let asked = 0;
const client = async () => {
  while (asked++ < wanted) await ask();
};
await Promise.all(Array.from({ length: 32 }, client));
agent.destroy();
server.close();

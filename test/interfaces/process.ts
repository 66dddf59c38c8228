// The two skins as a process of their own, over the fake services: what src/main.ts is for the real ones.

import { runCli } from '../../src/interfaces/cli.ts';
import { serveMcp } from '../../src/interfaces/mcp.ts';
import { processIo } from '../../src/interfaces/terminal.ts';
import { services } from './services.ts';

const version = '1.2.3';
const mcp = {
  name: 'mcp',
  summary: 'Serve the same over MCP.',
  examples: ['schedcp mcp'],
  run: (io: ReturnType<typeof processIo>) => serveMcp(services, io, { version }),
};
process.exitCode = await runCli(services, process.argv.slice(2), processIo(), {
  version,
  about: 'SchedCP, over services that do nothing.',
  extra: [mcp],
});
// As src/main.ts does: whoever has not been waited for by now is cut off.
process.exit();

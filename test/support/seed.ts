// What fast-check draws is the same every time, so that a run of the tests says something about the change and not about luck; SCHEDCP_SEED draws something else.

import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.SCHEDCP_SEED ?? 2026) });

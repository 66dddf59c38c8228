// keys: which key signs the tokens of this installation; and a new one, when a person wants that.

import type { z } from 'zod';
import { stamp } from '../deployment/check-token.ts';
import { keysInput, keysOutput } from './accountable-schemas.ts';
import { service } from './service.ts';
import type { World } from './world.ts';

type Output = z.infer<typeof keysOutput>;

export const keys = (world: World) =>
  service<z.infer<typeof keysInput>, Output>({
    name: 'keys',
    effect: 'decide',
    summary: 'Show which key signs tokens, or sign with a new one from now on.',
    description:
      'Tokens of accepted verdicts are signed by a key of this installation, made at its first start. `rotate` makes a new one: tokens issued so far hold until they end (a day at most), ' +
      'or with --revoke not at all; ask for new ones by deploying again. Do that when others may have read the key, or a copy of it. What runs goes on. Your name and reason go to the audit.',
    input: keysInput,
    output: keysOutput,
    cli: {
      positional: ['action'],
      examples: ['schedcp keys', 'schedcp keys rotate --revoke --why "the backup was world-readable"'],
    },
    async run({ action, revoke, why = '' }) {
      const { keeping } = world;
      const who = { kind: 'person', name: world.person() } as const;
      const { signer, verifiers } =
        action === 'rotate' ? await keeping.rotateKeys(who, why, revoke) : keeping.keys();
      const retired = [...verifiers.values()].flatMap(({ keyId, untilMs }) =>
        untilMs === null || untilMs <= keeping.latestMs() ? [] : [{ id: keyId, until: stamp(untilMs) }],
      );
      const text = [
        `${signer.keyId}  signs${action === 'rotate' ? ' from now on' : ''}`,
        ...retired.map(
          ({ id, until }) =>
            `${id}  signs no more; its tokens hold until ${until.slice(0, 16).replace('T', ' ')} UTC`,
        ),
        ...(revoke ? ['Tokens issued so far are refused.'] : []),
        '',
      ].join('\n');
      return { output: { signs: signer.keyId, retired }, exit: 0, text };
    },
  });

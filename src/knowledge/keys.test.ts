// Keys: made once, for the owner alone, rotated, and never to be seen in anything that is printed.

import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { context, issuedAtMs, token } from '../../test/deployment/tokens.ts';
import { faultOf, script, temporaryDirectory } from '../../test/linux/support.ts';
import { checkToken } from '../deployment/check-token.ts';
import { tokenText } from '../deployment/token.ts';
import { type Claim, claim } from './claims.ts';
import { type Keys, openKeys, rotateKeys } from './keys.ts';

const base = temporaryDirectory();
let count = 0;
const fresh = (): string => join(base, String(count++), 'keys');
const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8);
const issue = ({ signer }: Keys): string => tokenText(token({ keyId: signer.keyId }), signer);
const codes = (text: string, { verifiers }: Keys, timeMs = issuedAtMs + 1): string[] => {
  const answer = checkToken(text, verifiers, { timeMs, highWaterMs: 0 }, context());
  return answer.ok ? [] : answer.findings.map(({ code }) => code);
};
const privateKey = (directory: string): string =>
  join(directory, readdirSync(directory).find((name) => name.endsWith('.key'))!);

describe('at first start', () => {
  it('a pair is made, for the owner alone, and found again', () => {
    const directory = fresh();
    const keys = openKeys(directory);
    expect(mode(directory)).toBe('700');
    const names = readdirSync(directory).sort();
    expect(names).toEqual([`${keys.signer.keyId}.key`, `${keys.signer.keyId}.pub`, 'keys.json'].sort());
    for (const name of names) expect(mode(join(directory, name))).toBe('600');
    expect(codes(issue(keys), openKeys(directory))).toEqual([]);
    expect(readdirSync(join(directory, '..'))).toEqual(['keys']);
  });

  it('each installation has its own', () => {
    expect(codes(issue(openKeys(fresh())), openKeys(fresh()))).toEqual(['unknown-key']);
  });

  it('two that start at once have the same', async () => {
    const directory = fresh();
    const lines = `const { openKeys } = await room('knowledge/keys.ts'); console.log(openKeys(args[0]).signer.keyId);`;
    const ends = await Promise.all([1, 2, 3].map(() => script(lines, [directory]).end));
    const ids = new Set(ends.map(({ code, out, err }) => `${code} ${out.trim()} ${err}`));
    expect([...ids]).toEqual([`0 ${openKeys(directory).signer.keyId} `]);
    expect(readdirSync(directory)).toHaveLength(3);
    expect(readdirSync(join(directory, '..'))).toEqual(['keys']);
  });
});

describe('open to others: refused, with what to do', () => {
  it.each<[string, (directory: string) => string, number]>([
    ['the private key, readable by all', privateKey, 0o644],
    ['the private key, readable by the group', privateKey, 0o640],
    ['the private key, writable by others', privateKey, 0o602],
    ['the list', (directory) => join(directory, 'keys.json'), 0o644],
    ['the directory, to be listed', (directory) => directory, 0o755],
    ['the directory, to be entered', (directory) => directory, 0o701],
  ])('%s', async (_, which, bits) => {
    const directory = fresh();
    openKeys(directory);
    const path = which(directory);
    chmodSync(path, bits);
    const fault = await faultOf(() => openKeys(directory));
    expect(fault).toMatchObject({ code: 'not-permitted', where: path });
    expect(fault.message).toContain(`0${bits.toString(8)}`);
    expect(fault.next).toMatch(new RegExp(`^chmod ${path === directory ? '700' : '600'} ${path}; .*new one`));
    chmodSync(path, path === directory ? 0o700 : 0o600);
    expect(() => openKeys(directory)).not.toThrow();
  });

  it.runIf(process.getuid?.() === 0)('somebody else’s', async () => {
    const directory = fresh();
    openKeys(directory);
    chownSync(privateKey(directory), 65_534, 65_534);
    const fault = await faultOf(() => openKeys(directory));
    expect(fault).toMatchObject({
      code: 'not-permitted',
      message: expect.stringContaining('belongs to user 65534'),
    });
  });

  it('a link instead of the key, or of the directory', async () => {
    const directory = fresh();
    openKeys(directory);
    const path = privateKey(directory);
    const elsewhere = `${directory}-elsewhere`;
    writeFileSync(elsewhere, readFileSync(path), { mode: 0o600 });
    rmSync(path);
    symlinkSync(elsewhere, path);
    expect(await faultOf(() => openKeys(directory))).toMatchObject({ code: 'not-permitted' });
    symlinkSync(directory, `${directory}-link`);
    expect(await faultOf(() => openKeys(`${directory}-link`))).toMatchObject({ code: 'not-permitted' });
  });
});

describe('damaged: told, without a word of what is in the files', () => {
  it.each<[string, (directory: string) => void]>([
    [
      'the key cut off',
      (directory) =>
        writeFileSync(privateKey(directory), readFileSync(privateKey(directory)).subarray(0, 60)),
    ],
    [
      'the key of another',
      (directory) => writeFileSync(privateKey(directory), readFileSync(privateKey(join(base, 'other')))),
    ],
    ['the key gone', (directory) => rmSync(privateKey(directory))],
    ['the key an empty file', (directory) => writeFileSync(privateKey(directory), '')],
    ['the list gone', (directory) => rmSync(join(directory, 'keys.json'))],
    [
      'the list overwritten with the key',
      (directory) => writeFileSync(join(directory, 'keys.json'), readFileSync(privateKey(directory))),
    ],
    [
      'the list of another form',
      (directory) =>
        writeFileSync(join(directory, 'keys.json'), '{"signs":"../../../etc/passwd","retired":{}}'),
    ],
  ])('%s', async (_, spoil) => {
    if (!existsSync(join(base, 'other'))) openKeys(join(base, 'other'));
    const directory = fresh();
    openKeys(directory);
    const pem = readFileSync(privateKey(directory), 'utf8');
    spoil(directory);
    const fault = await faultOf(() => openKeys(directory));
    expect(fault).toMatchObject({ code: 'malformed', next: expect.stringContaining('copy') });
    expect(fault.cause).toBeUndefined();
    const shown = inspect(fault, { depth: 9, showHidden: true });
    for (const line of pem.split('\n').filter((text) => text.length > 20 && !text.startsWith('-')))
      expect(shown).not.toContain(line);
    expect(shown).not.toContain('BEGIN');
  });

  it('a directory that cannot be made', async () => {
    const file = join(base, String(count++));
    writeFileSync(file, '');
    expect(await faultOf(() => openKeys(join(file, 'deep', 'keys')))).toMatchObject({ code: 'unavailable' });
  });
});

it('nothing of a private key is to be seen in what is opened, printed or serialised', () => {
  const directory = fresh();
  const keys = openKeys(directory);
  const pem = readFileSync(privateKey(directory), 'utf8');
  const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
  const seed = der.subarray(-32);
  const shown = [
    inspect(keys, { depth: 9, showHidden: true }),
    JSON.stringify(keys),
    JSON.stringify([...keys.verifiers]),
    issue(keys),
  ];
  for (const text of shown) {
    for (const secret of [
      der.toString('base64').slice(0, 40),
      seed.toString('hex'),
      seed.toString('base64url'),
      'PRIVATE',
    ])
      expect(text).not.toContain(secret);
  }
});

describe('rotation', () => {
  const [nowMs, untilMs] = [issuedAtMs, issuedAtMs + 1_000];
  it('a new one signs, the old one verifies until its date and can sign no more', () => {
    const directory = fresh();
    const old = openKeys(directory);
    const text = issue(old);
    const rotated = rotateKeys(directory, { nowMs, untilMs });
    expect(rotated.signer.keyId).not.toBe(old.signer.keyId);
    for (const keys of [rotated, openKeys(directory)]) {
      expect(codes(text, keys, untilMs - 1)).toEqual([]);
      expect(codes(text, keys, untilMs)).toEqual(['retired-key']);
      expect(codes(issue(keys), keys, untilMs + 5)).toEqual([]);
    }
    expect(codes(issue(rotated), old)).toEqual(['unknown-key']);
    expect(readdirSync(directory).filter((name) => name.endsWith('.key'))).toEqual([
      `${rotated.signer.keyId}.key`,
    ]);
    for (const name of readdirSync(directory))
      expect(mode(join(directory, name))).toBe(name === 'claims' ? '700' : '600');
  });

  it('one at a time: a process that is in the middle of it is not disturbed, one that died in it is', async () => {
    const directory = fresh();
    const { signer } = openKeys(directory);
    const other = claim(join(directory, 'claims'), 0) as Claim;
    expect(await faultOf(() => rotateKeys(directory, { nowMs, untilMs }))).toMatchObject({
      code: 'unavailable',
    });
    expect(openKeys(directory).signer.keyId).toBe(signer.keyId);
    other.release();
    symlinkSync('1.0.0.an earlier boot', join(directory, 'claims', '0.0'));
    expect(rotateKeys(directory, { nowMs, untilMs }).signer.keyId).not.toBe(signer.keyId);
  });

  it('what others may have read verifies no more, nor what signed before it', () => {
    const directory = fresh();
    const older = openKeys(directory);
    const old = rotateKeys(directory, { nowMs, untilMs });
    const rotated = rotateKeys(directory, { nowMs, untilMs: 0 });
    for (const keys of [older, old]) expect(codes(issue(keys), rotated)).toEqual(['unknown-key']);
    expect(readdirSync(directory)).not.toContain(`${old.signer.keyId}.pub`);
  });

  it('keys whose time is over are forgotten, what a crash has left is taken away', () => {
    const directory = fresh();
    const first = openKeys(directory);
    rotateKeys(directory, { nowMs, untilMs });
    writeFileSync(join(directory, `${'0'.repeat(16)}.key`), 'left over', { mode: 0o600 });
    const third = rotateKeys(directory, { nowMs: untilMs, untilMs: untilMs + 1_000 });
    expect(codes(issue(first), third, untilMs)).toEqual(['unknown-key']);
    expect(third.verifiers.size).toBe(2);
    expect(readdirSync(directory).sort()).toEqual(
      [
        ...['claims', 'keys.json', `${third.signer.keyId}.key`, `${third.signer.keyId}.pub`],
        ...[...third.verifiers.keys()].filter((id) => id !== third.signer.keyId).map((id) => `${id}.pub`),
      ].sort(),
    );
  });

  it('not in a directory that is open to others', async () => {
    const directory = fresh();
    openKeys(directory);
    chmodSync(directory, 0o755);
    expect(await faultOf(() => rotateKeys(directory, { nowMs, untilMs }))).toMatchObject({
      code: 'not-permitted',
    });
    expect(await faultOf(() => rotateKeys(fresh(), { nowMs, untilMs }))).toMatchObject({
      code: 'unavailable',
    });
  });
});

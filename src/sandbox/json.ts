// JSON texts that come from a script: read within limits, so that what reads them later may recurse and copy without fear.

/** A text for why it cannot be taken, or the value. */
export type Read = { readonly value: unknown } | { readonly wrong: string };

export function readJson(json: string, most: { readonly bytes: number; readonly depth: number }): Read {
  const bytes = Buffer.byteLength(json);
  if (bytes > most.bytes) return { wrong: `it has ${bytes} bytes as JSON, and ${most.bytes} are allowed` };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { wrong: 'it is not JSON' };
  }
  const wrong = refused(value, most.depth);
  return wrong === undefined ? { value } : { wrong };
}

function refused(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === 0) return 'it is nested too deep';
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') return 'it has a key __proto__, which many programs misread';
    const wrong = refused(inner, depth - 1);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

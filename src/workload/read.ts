// From text or JSON to a workload file that `expand` accepts in form: every key known, every name defined.
import { Fault } from '../core/errors.ts';
import { type WorkloadFile, workloadFileSchema } from '../core/workload.ts';
import { mistakesFault, shapeMistakes } from './mistakes.ts';
import { meaningMistakes } from './names.ts';

/** JSON text to workload file; throws a malformed fault. `origin` (a file name) is for messages only. */
export function parseWorkload(text: string, origin = 'text'): WorkloadFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Fault('malformed', `workload ${origin}: not JSON: ${(cause as Error).message}`, {
      tried: `read workload ${origin}`,
      where: '$',
      next: 'correct the JSON',
      cause,
    });
  }
  return readWorkload(value, origin);
}

/** A JSON value to workload file; throws a malformed fault that lists the mistakes with their JSON paths. */
export function readWorkload(value: unknown, origin = nameIn(value)): WorkloadFile {
  const result = workloadFileSchema.safeParse(value);
  if (!result.success) {
    throw mistakesFault(origin, shapeMistakes(result.error.issues, workloadFileSchema, value));
  }
  const mistakes = meaningMistakes(result.data);
  if (mistakes.length > 0) throw mistakesFault(origin, mistakes);
  return result.data;
}

function nameIn(value: unknown): string {
  const name = (Object(value) as { name?: unknown }).name;
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 40)) : 'without a name';
}

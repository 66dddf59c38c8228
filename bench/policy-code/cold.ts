// In a process of its own: a function of 20,000 instructions from instructions to its first call. Prints milliseconds of each step as JSON.
import { longFunction, start } from './huge.ts';

const { translateMs, compileMs, firstCallMs } = start(
  longFunction(20_000, Number(process.argv[2])),
  'checked',
);
process.stdout.write(JSON.stringify({ translateMs, compileMs, firstCallMs }));

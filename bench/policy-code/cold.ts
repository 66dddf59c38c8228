// In a process of its own: a function of 20,000 instructions (100 groups) from instructions to its first call. Prints milliseconds of each step as JSON.
import { longFunction, start } from './huge.ts';

const { translateMs, compileMs, firstCallMs } = start(longFunction(100, Number(process.argv[2])), 'checked');
process.stdout.write(JSON.stringify({ translateMs, compileMs, firstCallMs }));

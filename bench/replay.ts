// Record → replay, measured: real programs, recorded at 2 CPUs, replayed at 1, 2 and 4, held against real runs; what the policies of the library come to on the
// replays, and the winner on the real command; a recording of a million events. Options: --place host|micro-vm, --times N, --only NAMES, --policies, --keep DIRECTORY.

import { Fault } from '../src/core/errors.ts';
import { openLab } from '../test/support/lab.ts';
import { row } from './lib.ts';
import { millionEvents } from './replay/million.ts';
import { guests, thisHost } from './replay/places.ts';
import { realPrograms } from './replay/programs.ts';
import { type Compared, compareProgram, printTable } from './replay/tables.ts';
import { confirmWinners } from './replay/winners.ts';

const faultText = (error: Error): string =>
  `${error.message} ${error instanceof Fault ? (error.where ?? '') : ''}`.slice(0, 900);

export async function benchReplay(options: readonly string[]): Promise<void> {
  const option = (name: string): string | undefined => options[options.indexOf(name) + 1 || options.length];
  const lab = await openLab(undefined, 1);
  const place = option('--place') === 'host' ? thisHost(lab) : guests(lab);
  const { programs, clean } = await realPrograms(lab.cache, place.scale);
  const only = option('--only')?.split(',');
  const wanted = programs.filter(({ name }) => only === undefined || only.includes(name));
  const compared: Compared[] = [];
  try {
    for (const program of wanted) {
      try {
        compared.push(await compareProgram(place, program, Number(option('--times') ?? 5), option('--keep')));
      } catch (error) {
        row(`${program.name}, ${place.name}`, '', faultText(error as Error), false);
      }
    }
    const good = printTable(compared);
    row(
      'programs whose makespan holds at 1, 2 and 4 CPUs',
      '≥ 8',
      `${good.makespan} of ${wanted.length}`,
      good.makespan >= 8,
    );
    row(
      'programs whose wake-up latency holds there',
      '≥ 8',
      `${good.latency} of ${wanted.length}`,
      good.latency >= 8,
    );
    if (options.includes('--policies')) await confirmWinners(wanted, compared, place.name === 'micro-vm');
    if (only === undefined) await millionEvents();
  } finally {
    clean();
    lab.close();
  }
}

// Progress on stderr: lines that are worth telling, or on a terminal one line that is rewritten.

import type { Progress } from '../../services/service.ts';
import { fractionOf, worthTelling } from '../common/progress.ts';
import type { Io } from '../terminal.ts';

export interface Status {
  show(progress: Progress): void;
  /** Takes the status line away, so that something else can be printed. */
  clear(): void;
}

const erase = '\r\x1b[2K';

export function statusOn(io: Io, quiet: boolean, now: () => number): Status {
  if (quiet) return { show: () => {}, clear: () => {} };
  if (!io.isTTY) {
    const worth = worthTelling(now);
    const show = (progress: Progress) => {
      if (worth(progress)) io.stderr.write(`${line(progress)}\n`);
    };
    return { show, clear: () => {} };
  }
  let written = '';
  return {
    show: (progress) => {
      const next = [...line(progress)].slice(0, Math.max(20, io.columns) - 1).join('');
      if (next !== written) io.stderr.write(`${erase}${next}`);
      written = next;
    },
    clear: () => {
      if (written !== '') io.stderr.write(erase);
      written = '';
    },
  };
}

function line(progress: Progress): string {
  const fraction = fractionOf(progress);
  const percent = fraction === undefined ? '' : `${String(Math.floor(fraction * 100)).padStart(3)} %  `;
  return `${percent}${progress.text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ')}`;
}

// What an entry of the list of programs is. A program here is one executable doing one kind of work; the same work with another number of workers is
// another run of the same program. The hold-out is drawn from programs, never from runs.

export interface ClassProgram {
  readonly name: string;
  /** A line for sh in the directory of inputs. $N: workers of this run. All that it starts is observed. It must go on for 6 s at least. */
  readonly run: string;
  /** Why it has this class, from what the program is. Written before any number of it was seen. */
  readonly why: string;
  /** A line for sh that uses it from outside: started once it listens, never observed. */
  readonly load?: string;
}

/** What the commands know of the process around them; tests give their own. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** One text to standard output; a line feed is added. */
  readonly print: (text: string) => void;
  /** The same to standard error. */
  readonly complain: (text: string) => void;
  readonly now: () => number;
  readonly pause: (millis: number) => Promise<void>;
  /** Aborted when the process is asked to stop; asking for it takes SIGINT and SIGTERM over. */
  readonly stopped: () => AbortSignal;
  /** How people call this program: `holdpoint`, or `npx holdpoint`. */
  readonly program: string;
}

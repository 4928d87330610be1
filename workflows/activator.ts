/**
 * The one place that reaches into the SDK: its activator, an internal, gives out the numbers that tie
 * commands to their answers. Asking again with the number of an earlier command seems to work until
 * somebody cancels; then the workflow task fails and the cancellation is lost.
 */
interface ActivityNumbers {
  activity: number;
}

/** Takes the next activity number. Local activities draw from the same sequence. */
export function freshActivitySeq(): number {
  const numbers = activityNumbers();
  const seq = numbers.activity;
  numbers.activity = seq + 1;
  return seq;
}

/**
 * Throws unless the activator is as this release knows it. Called when an execution starts, so that an
 * incompatible SDK shows as a failing workflow task at once, which loses nothing, and not at the first hold.
 */
export function checkActivator(): void {
  activityNumbers();
}

function activityNumbers(): ActivityNumbers {
  const { __TEMPORAL_ACTIVATOR__: activator } = globalThis as {
    readonly __TEMPORAL_ACTIVATOR__?: { readonly nextSeqs?: Partial<ActivityNumbers> };
  };
  const numbers = activator?.nextSeqs;
  if (!numbers || !Number.isSafeInteger(numbers.activity)) {
    throw new Error(
      'Holdpoint does not work with this release of @temporalio/workflow: use one of the tested range that the package states.',
    );
  }
  return numbers as ActivityNumbers;
}

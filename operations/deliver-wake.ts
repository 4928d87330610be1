import type { Client } from '@temporalio/client';
import { WAKE_SIGNAL, pathOf } from '../core/index.ts';
import type { Deliverer, Hold, Millis, Wake } from '../core/index.ts';
import { findHold, findRunIdentity, isAnswered, listExecutions } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { eachOf } from './executions.ts';
import { isNotFound } from './temporal-trouble.ts';

export interface WakeDeps {
  readonly db: Database;
  readonly client: Client;
}

const LONGEST = 30_000;
/**
 * After this many tries the workflow has every signal in its history and still does not ask, perhaps
 * because it went another way after a reset. Each signal costs history, of which there is only so much.
 */
const PATIENT_TRIES = 12;
const PATIENT: Millis = 600_000;
const AT_ONCE = 16;

/**
 * Wakes what waits for a hold: signals the run's root and the execution that holds the call, or every
 * execution for a hold on the whole run. Done when the gate has answered the call after the decision.
 */
export function createWakeDeliverer({ db, client }: WakeDeps): Deliverer {
  return {
    kind: 'wake',
    async deliver({ subject, run, tries }) {
      const [answered, hold, root] = await Promise.all([isAnswered(db, subject), findHold(db, subject), findRunIdentity(db, run)]);
      if (answered || hold === null || root === null) return 'done';
      const wake: Wake = { key: hold.key };
      await eachOf(await waiting(db, hold, root.workflowId), AT_ONCE, (workflowId) => signal(client, workflowId, wake));
      return { againAfter: wakeAgainAfter(tries) };
    },
  };
}

/** 1 s, 2 s, 4 s … 30 s, and every ten minutes in the end. `tries` counts the one just made. */
export function wakeAgainAfter(tries: number): Millis {
  return tries > PATIENT_TRIES ? PATIENT : Math.min(LONGEST, 1_000 * 2 ** (tries - 1));
}

/** Workflow ids, the root's first. */
async function waiting(db: Database, hold: Hold, root: string): Promise<readonly string[]> {
  const path = hold.key === null ? null : pathOf(hold.key);
  if (path === '') return [root];
  const executions = await listExecutions(db, hold.run);
  const concerned = path === null ? executions : executions.filter((execution) => execution.path === path).slice(-1);
  return [...new Set([root, ...concerned.map(({ workflowId }) => workflowId)])];
}

/** By workflow id alone, so that the signal follows continue-as-new and reset. */
async function signal(client: Client, workflowId: string, wake: Wake): Promise<void> {
  try {
    await client.workflow.getHandle(workflowId).signal(WAKE_SIGNAL, wake);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

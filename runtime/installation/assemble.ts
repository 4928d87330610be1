import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { createResultStore } from '../../activities/index.ts';
import { createDirectory, decide } from '../../approvals/index.ts';
import { completeLimits, Refusal } from '../../core/index.ts';
import type { Database } from '../../ledger/index.ts';
import { createReconciler, createStopDeliverer, createWakeDeliverer, drawRunId, killRuns, startRun } from '../../operations/index.ts';
import type { OperationsLog, Reconciler } from '../../operations/index.ts';
import type { ServerDeps } from '../../server/index.ts';
import { modeOf } from '../config/load-config.ts';
import type { Config } from '../config/load-config.ts';
import { packageRoot } from '../package-root.ts';
import { createPolicyDesk } from './policy-desk.ts';
import type { RefreshableDesk } from './policy-desk.ts';

export interface InstallationParts {
  readonly db: Database;
  readonly client: Client;
  readonly config: Config;
  /** Who counts as having asked for a run that a person starts; see `ServerDeps`. */
  readonly starter: ServerDeps['starter'];
  readonly log: OperationsLog;
}

export interface Installation {
  readonly server: ServerDeps;
  readonly reconciler: Reconciler;
  readonly policies: RefreshableDesk;
}

/** Everything of an installation but its workers: what the API may do, and what keeps the world in step. */
export function assemble({ db, client, config, starter, log }: InstallationParts): Installation {
  const directory = createDirectory({ people: config.people, groups: config.groups });
  const results = createResultStore(db, loadDataConverter());
  const reconciler = createReconciler({
    db,
    client,
    deliverers: [createWakeDeliverer({ db, client }), createStopDeliverer({ db, client })],
    log,
  });
  const policies = createPolicyDesk({ db, folder: config.policies, groups: config.groups, mode: config.mode });
  const server: ServerDeps = {
    db,
    version: version(),
    directory: () => directory,
    hosts: config.server.hosts,
    starter,
    now: Date.now,
    newId: (kind) => (kind === 'run' ? drawRunId() : `token-${randomBytes(8).toString('hex')}`),
    newSecret: () => randomBytes(32).toString('base64url'),
    startRun: async (ask) => {
      const limits = completeLimits(ask.limits, config.agents[ask.agent]?.limits ?? config.limits);
      const taskQueue = config.worker?.taskQueue ?? config.queues[0] ?? 'holdpoint';
      const { run } = await startRun(
        { db, client },
        { ...ask, limits, taskQueue, queues: config.queues, ungoverned: config.ungoverned, mode: modeOf(config, ask.agent) },
      );
      return run;
    },
    killRuns: ({ runs, by, reason }) => killRuns({ db, nudge: () => reconciler.nudge() }, { runs }, { by, reason }),
    decide: async (who, ask) => {
      const decision = await decide({ db, directory, storeResult: async (result) => (await results.store(result)).stored }, who, ask);
      reconciler.nudge();
      return decision;
    },
    policies,
    checkTemporal: async () => {
      try {
        await client.withDeadline(Date.now() + 2_000, () => client.connection.workflowService.getSystemInfo({}));
      } catch (error) {
        throw new Refusal('unreachable', 'temporal_unavailable', 'Temporal does not answer.', {
          hint: 'Check that it runs and that its address is right.',
          cause: error,
        });
      }
    },
    onError: (error) => log.warn('a request failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  };
  return { server, reconciler, policies };
}

function version(): string {
  const { version: stated } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return stated;
}

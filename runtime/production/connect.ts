import { loadClientConnectConfig } from '@temporalio/envconfig';
import { Refusal } from '../../core/index.ts';
import type { Config } from '../config/load-config.ts';

export interface TemporalSettings {
  readonly connection: ReturnType<typeof loadClientConnectConfig>['connectionOptions'];
  readonly namespace: string;
}

/** Temporal's own settings, as every Temporal tool reads them (TEMPORAL_*, its profile file); address and namespace of ours win. */
export function temporalSettings(config: Config, address: string, env: Readonly<Record<string, string | undefined>>): TemporalSettings {
  const given = Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars: given });
  return {
    connection: { ...connectionOptions, address },
    namespace: config.temporal.namespace === 'default' ? (namespace ?? 'default') : config.temporal.namespace,
  };
}

/** Turns what Temporal's client says of a connection that fails into words for people: `Refusal` `temporal_unavailable`. */
export async function reaching<T>(connecting: Promise<T>, address: string): Promise<T> {
  try {
    return await connecting;
  } catch (error) {
    throw new Refusal(
      'unreachable',
      'temporal_unavailable',
      `Temporal at ${address} could not be reached: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: 'Check that it runs, and that its address and TEMPORAL_TLS settings are right.',
        cause: error,
      },
    );
  }
}

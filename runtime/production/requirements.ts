import { Refusal } from '../../core/index.ts';
import type { Config } from '../config/load-config.ts';

/** Fallbacks exist only in `up`: what production needs is stated, or nothing starts. Throws `Refusal` `production_incomplete`. */
export function requireProduction(
  config: Config,
  command: 'server' | 'worker',
): { readonly databaseUrl: string; readonly temporalAddress: string } {
  const { databaseUrl } = config.environment;
  const temporalAddress = config.temporal.address;
  const missing = [
    databaseUrl === null ? 'DATABASE_URL, a Postgres database' : null,
    temporalAddress === null ? 'TEMPORAL_ADDRESS, or temporal.address in the configuration' : null,
    Object.keys(config.people).length === 0 ? 'people in the configuration' : null,
    (config.groups['operators']?.length ?? 0) === 0 ? 'groups.operators in the configuration, with at least one person' : null,
    command === 'worker' && config.worker === null ? 'worker in the configuration: its actions, workflows and task queue' : null,
  ].filter((one) => one !== null);
  if (missing.length > 0 || databaseUrl === null || temporalAddress === null) {
    throw new Refusal('refused', 'production_incomplete', `holdpoint ${command} needs ${missing.join('; ')}.`, {
      hint: 'State each. On your own machine use "holdpoint up", which needs none of them.',
      data: { missing },
    });
  }
  return { databaseUrl, temporalAddress };
}

import type { UpOptions } from '../up/up.ts';
import type { ProductionOptions } from '../production/run-server.ts';
import type { Config } from '../config/load-config.ts';
import type { CheckedPolicies, PolicyPlace, TestedPolicies } from './check-policies.ts';
import type { Initialised, InitOptions } from './init.ts';
import type { TokenOwner } from './issue-token.ts';

/**
 * What the command line runs in its own process. Each part is loaded when it is asked for: Temporal, the
 * databases and Cedar take longer to load than most commands to answer.
 */
export { loadConfig } from '../config/load-config.ts';
export type { Config } from '../config/load-config.ts';
export { configJsonSchema } from '../config/schema.ts';
export type { CheckedPolicies, PolicyPlace, TestedPolicies } from './check-policies.ts';
export type { TokenOwner } from './issue-token.ts';

export async function up(options: UpOptions): Promise<void> {
  return (await import('../up/up.ts')).up(options);
}

export async function runServer(options: ProductionOptions): Promise<void> {
  return (await import('../production/run-server.ts')).runServer(options);
}

export async function runWorker(options: ProductionOptions): Promise<void> {
  return (await import('../production/run-worker.ts')).runWorker(options);
}

export async function initProject(options: InitOptions): Promise<Initialised> {
  return (await import('./init.ts')).initProject(options);
}

export async function checkPolicies(place: PolicyPlace): Promise<CheckedPolicies> {
  return (await import('./check-policies.ts')).checkPolicies(place);
}

export async function testPolicyFolder(place: PolicyPlace): Promise<TestedPolicies> {
  return (await import('./check-policies.ts')).testPolicyFolder(place);
}

export async function issueToken(config: Config, owner: TokenOwner) {
  return (await import('./issue-token.ts')).issueToken(config, owner);
}

export async function reachLedger(url: string): Promise<void> {
  return (await import('./reach.ts')).reachLedger(url);
}

export async function reachTemporal(address: string): Promise<void> {
  return (await import('./reach.ts')).reachTemporal(address);
}

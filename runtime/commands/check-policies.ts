import { resolve } from 'node:path';
import { registerActions } from '../../activities/index.ts';
import { Refusal } from '../../core/index.ts';
import type { ActionManifest } from '../../core/index.ts';
import { loadPolicies, readPolicyFolder, readPolicyTests, testPolicies } from '../../policy/index.ts';
import type { PolicySet, PolicyTestResult, Unrepresented } from '../../policy/index.ts';
import type { Config } from '../config/load-config.ts';
import { loadActions } from '../installation/load-project.ts';
import { withLocalPeople } from '../up/local-people.ts';

export interface PolicyPlace {
  readonly config: Config;
  /** Default: the configured folder. */
  readonly folder?: string | undefined;
  readonly cwd: string;
  /** What the workers have published, where a server said so; default: the actions that the configuration names. */
  readonly published: readonly ActionManifest[] | null;
}

export interface CheckedPolicies {
  readonly folder: string;
  readonly hash: string;
  readonly policies: PolicySet['policies'];
  readonly unrepresented: readonly Unrepresented[];
}

/** Reads a folder of policies as an installation would. Throws `Refusal` with every problem in `data.problems`. */
export async function checkPolicies(place: PolicyPlace): Promise<CheckedPolicies> {
  const { folder, set } = await load(place);
  return { folder, hash: set.hash, policies: set.policies, unrepresented: set.unrepresented };
}

export interface TestedPolicies {
  readonly folder: string;
  readonly results: readonly (PolicyTestResult & { readonly file: string })[];
}

/** Runs the examples (`*.test.yaml`) beside the policies. Throws `Refusal` `policy_tests_missing`, or as `checkPolicies`. */
export async function testPolicyFolder(place: PolicyPlace): Promise<TestedPolicies> {
  const { folder, set } = await load(place);
  const files = await readPolicyTests(folder);
  if (files.length === 0) {
    throw new Refusal('not_found', 'policy_tests_missing', `No file *.test.yaml stands in ${folder}.`, {
      hint: 'Write examples there: docs/policies.md shows how.',
    });
  }
  return { folder, results: files.flatMap(({ file, text }) => testPolicies(set, text, file).map((result) => ({ ...result, file }))) };
}

async function load({ config, folder: named, cwd, published }: PolicyPlace): Promise<{ readonly folder: string; readonly set: PolicySet }> {
  const folder = named === undefined ? config.policies : resolve(cwd, named);
  const manifests = config.worker === null ? published : await declared(config.worker.actions);
  if (manifests === null || manifests.length === 0) {
    throw new Refusal(
      'invalid',
      'actions_unknown',
      'Policies are checked against the actions that they speak of, and none are known here.',
      {
        hint: 'Name them under worker.actions in holdpoint.config.yaml, or run this while a server with a worker is up.',
      },
    );
  }
  // A folder without a configuration is checked as `up` would run it.
  const { groups } = config.file === null ? withLocalPeople(config) : config;
  return { folder, set: loadPolicies({ sources: await readPolicyFolder(folder), manifests, groups }) };
}

async function declared(module: string): Promise<readonly ActionManifest[]> {
  return [...registerActions(await loadActions(module)).values()].map(({ manifest }) => manifest);
}

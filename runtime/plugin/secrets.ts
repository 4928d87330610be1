import type { SecretSource } from '../../activities/index.ts';

/**
 * Secrets of the environment: `secret:TOKEN` is the variable `HOLDPOINT_SECRET_TOKEN`, or the file that
 * `HOLDPOINT_SECRET_TOKEN_FILE` names. So no secret's own name ends in `_FILE`: it would be the path of another's.
 */
export function environmentSecrets(env: Readonly<Record<string, string | undefined>>, read: (file: string) => string): SecretSource {
  return (name) => {
    if (name.endsWith('_FILE')) return undefined;
    const file = env[`HOLDPOINT_SECRET_${name}_FILE`];
    return env[`HOLDPOINT_SECRET_${name}`] ?? (file === undefined ? undefined : read(file).replace(/\r?\n$/, ''));
  };
}

import { getAction } from './get.ts';
import type { HttpOptions } from './options.ts';
import { completeOptions } from './options.ts';
import { postAction } from './post.ts';

/**
 * Requests to the public internet and to what `allow` lists. A response of any status is a result. Throws `Refusal`
 * `http_option_invalid`.
 */
export function httpActions(options: HttpOptions = {}) {
  const settings = completeOptions(options);
  return { get: getAction(settings), post: postAction(settings) };
}

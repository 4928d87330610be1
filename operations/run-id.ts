import { randomBytes } from 'node:crypto';
import type { RunId } from '../core/index.ts';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** A new run's name: `run-` and 26 base32 characters, 130 random bits. */
export function drawRunId(): RunId {
  return `run-${[...randomBytes(26)].map((byte) => BASE32[byte % 32]).join('')}`;
}

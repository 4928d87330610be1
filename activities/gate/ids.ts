import { randomBytes } from 'node:crypto';
import type { HoldId, Token } from '../../core/index.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** 130 random bits in base32. */
function random(): string {
  let text = '';
  for (const byte of randomBytes(26)) text += ALPHABET[byte & 31] ?? '';
  return text;
}

export function drawToken(): Token {
  return random();
}

export function drawHoldId(): HoldId {
  return `hold-${random()}`;
}

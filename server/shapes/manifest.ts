import { z } from 'zod';
import type { ActionManifest } from '../../core/index.ts';
import { duration, json } from './primitives.ts';

export const manifest = z
  .object({
    action: z.string(),
    summary: z.string(),
    annotations: z.object({ readOnly: z.boolean(), destructive: z.boolean(), idempotent: z.boolean(), openWorld: z.boolean() }),
    input: json.describe('JSON Schema of the input.'),
    output: json.describe('JSON Schema of the output.'),
    facts: json.nullable().describe('JSON Schema of the resolved facts.'),
    secrets: z.array(z.string()).readonly(),
    editable: z.array(z.string()).readonly(),
    timeout: duration,
  })
  .meta({ id: 'Action' }) satisfies z.ZodType<ActionManifest>;

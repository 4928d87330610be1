import { setFlagsFromString } from 'node:v8';
import { statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { Context } from '@cedar-policy/cedar-wasm/nodejs';
import type { ActionName } from '../core/index.ts';
import { messageOf } from './parse-policies.ts';

// V8 11 (Node.js 20) inlines calls of WebAssembly into hot functions, and aborts the whole process when it must take back one
// that stands in a `try`: "unreachable code" in Deoptimizer::DoComputeBuiltinContinuation. Without the inlining it cannot.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--no-turbo-inline-js-wasm-calls');

/** Why an evaluation cannot be trusted; `policy` is null where it is none's in particular. */
export interface EvaluationError {
  readonly policy: string | null;
  readonly message: string;
}

/** One answer of Cedar. */
export interface Evaluation {
  readonly decision: 'allow' | 'deny';
  /** On allow the permits, on deny the forbids that apply, by id; empty on a deny by default. */
  readonly determining: readonly string[];
  /** Cedar skips a policy that fails, a forbid too: one error spoils the answer. */
  readonly errors: readonly EvaluationError[];
}

export interface Question {
  readonly agent: string;
  readonly action: ActionName;
  /** Of the schema's types, as far as the policies read it: Cedar does not validate it again, which would cost as much as ruling. */
  readonly context: Context;
}

/** Asks one preparsed policy set. */
export function evaluate(policySet: string, call: Question): Evaluation {
  try {
    const answer = statefulIsAuthorized({
      principal: { type: 'Agent', id: call.agent },
      action: { type: 'Action', id: call.action },
      resource: { type: 'Target', id: call.action },
      context: call.context,
      preparsedPolicySetId: policySet,
      entities: [],
    });
    if (answer.type === 'failure') return failed(messageOf(answer.errors));
    const { decision, diagnostics } = answer.response;
    return {
      decision,
      determining: diagnostics.reason.toSorted(),
      errors: diagnostics.errors.map(({ policyId, error }) => ({ policy: policyId, message: error.message })),
    };
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

function failed(message: string): Evaluation {
  return { decision: 'deny', determining: [], errors: [{ policy: null, message }] };
}

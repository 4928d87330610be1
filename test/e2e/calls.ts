/** A call of one of the tools, as the workflows of these tests take it. */
export interface ToolCall {
  readonly action: string;
  readonly input: { readonly text: string };
}

/** Idempotent. */
export function put(text: string, rest: object = {}): ToolCall {
  return { action: 'tool.put', input: { text, ...rest } };
}

/** Not idempotent. */
export function charge(text: string, rest: object = {}): ToolCall {
  return { action: 'tool.charge', input: { text, ...rest } };
}

/** Acts on what `world.txt` says. */
export function deploy(text: string): ToolCall {
  return { action: 'tool.deploy', input: { text } };
}

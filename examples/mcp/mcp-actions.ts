import type { Client } from '@modelcontextprotocol/client';
import { z } from 'zod';
import { defineAction } from '../../runtime/index.ts';
import type { Action } from '../../runtime/index.ts';

type Annotations = Action['annotations'];
type Tool = Awaited<ReturnType<Client['listTools']>>['tools'][number];

export interface McpOptions {
  /** What you know of a tool, by its name; it wins over what the server claims. */
  readonly annotations?: Readonly<Record<string, Partial<Annotations>>>;
}

/** The tools of an MCP server as actions, by their names. The client must stay connected as long as the worker runs. */
export async function mcpActions(client: Client, { annotations = {} }: McpOptions = {}): Promise<Readonly<Record<string, Action>>> {
  const { tools } = await client.listTools();
  const unknown = Object.keys(annotations).find((name) => !tools.some((tool) => tool.name === name));
  if (unknown !== undefined) throw new Error(`annotations name "${unknown}", which is no tool of this server`);
  return Object.fromEntries(tools.map((tool) => [tool.name, actionOf(client, tool, annotations[tool.name] ?? {})]));
}

function actionOf(client: Client, tool: Tool, known: Partial<Annotations>): Action {
  return defineAction({
    summary: tool.description ?? tool.name,
    // The gate parses with the server's own schema, so that policies and approvers see what the tool would get.
    input: z.fromJSONSchema(tool.inputSchema as Parameters<typeof z.fromJSONSchema>[0]),
    output: z.strictObject({ text: z.string() }),
    annotations: { ...claimed(tool), ...known },
    title: () => tool.title ?? tool.name,
    async run(input, { signal }) {
      const { content, isError } = await client.callTool({ name: tool.name, arguments: input as Record<string, unknown> }, { signal });
      const text = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
      if (isError === true) throw new Error(text);
      return { text };
    },
  });
}

/** A server's hints, which are claims; where it says nothing, the worst. */
function claimed({ annotations: hints = {} }: Tool): Annotations {
  const readOnly = hints.readOnlyHint ?? false;
  return {
    readOnly,
    destructive: !readOnly && (hints.destructiveHint ?? true),
    idempotent: readOnly || (hints.idempotentHint ?? false),
    openWorld: hints.openWorldHint ?? true,
  };
}

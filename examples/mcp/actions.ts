import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { fileURLToPath } from 'node:url';
import { mcpActions } from './mcp-actions.ts';

const { MCP_ROOT: root } = process.env;
if (root === undefined) throw new Error('MCP_ROOT names the folder that the tools may work on; it is not set.');

const client = new Client({ name: 'holdpoint-example', version: '1.0.0' });
await client.connect(
  new StdioClientTransport({ command: process.execPath, args: [fileURLToPath(new URL('server.mjs', import.meta.url)), root] }),
);

/** `folder.list_files`, `folder.read_file`, `folder.write_file`. */
export const folder = await mcpActions(client);

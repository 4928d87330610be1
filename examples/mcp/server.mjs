// A small MCP server over stdio: three tools on the files of one folder. It knows nothing of Holdpoint.
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const root = resolve(process.argv[2] ?? '.');
const name = z
  .string()
  .regex(/^\w[\w.-]*$/)
  .describe('A file of the folder, without a path');
const text = (value) => ({ content: [{ type: 'text', text: value }] });
const fileOf = (file) => join(root, basename(file));

serveStdio(() => {
  const server = new McpServer({ name: 'folder', version: '1.0.0' });
  server.registerTool(
    'list_files',
    {
      description: 'List the files of the folder',
      inputSchema: z.strictObject({}),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async () => text((await readdir(root)).toSorted().join('\n')),
  );
  server.registerTool(
    'read_file',
    {
      description: 'Read a file',
      inputSchema: z.strictObject({ name }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ name: file }) => text(await readFile(fileOf(file), 'utf8')),
  );
  server.registerTool(
    'write_file',
    { description: 'Write a file', inputSchema: z.strictObject({ name, content: z.string() }) },
    async ({ name: file, content }) => {
      await writeFile(fileOf(file), content);
      return text(`wrote ${file}`);
    },
  );
  return server;
});

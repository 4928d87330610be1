/** What one folder may import; the table in CONTRIBUTING.md says the same in words. */
export interface FolderRule {
  /** Folders of ours, through their index.ts. */
  readonly folders: readonly string[];
  /** Packages, and `node:` for Node's modules; null = any. */
  readonly packages: readonly string[] | null;
}

const ZOD = ['zod'];
const NODE = ['node:'];

export const FOLDER_TABLE: Readonly<Record<string, FolderRule>> = {
  core: { folders: [], packages: ['canonicalize'] },
  policy: { folders: ['core'], packages: [...NODE, ...ZOD, '@cedar-policy/cedar-wasm', 'yaml'] },
  ledger: { folders: ['core'], packages: [...NODE, ...ZOD, 'pg', '@electric-sql/pglite'] },
  activities: {
    folders: ['core', 'policy', 'ledger'],
    packages: [
      ...NODE,
      ...ZOD,
      '@temporalio/activity',
      '@temporalio/client',
      '@temporalio/common',
      '@temporalio/proto',
      '@temporalio/worker',
      'ajv',
    ],
  },
  workflows: { folders: ['core'], packages: ['@temporalio/workflow', '@temporalio/common'] },
  approvals: { folders: ['core', 'policy', 'ledger'], packages: [...NODE, ...ZOD, 'ajv'] },
  operations: {
    folders: ['core', 'policy', 'ledger', 'approvals'],
    packages: [...NODE, ...ZOD, '@temporalio/client', '@temporalio/common', '@temporalio/proto', 'ajv'],
  },
  server: { folders: ['core', 'approvals', 'operations', 'ledger'], packages: [...NODE, ...ZOD, 'express', 'zod-openapi'] },
  cli: { folders: ['core', 'runtime'], packages: [...NODE, ...ZOD, 'commander', 'yaml'] },
  runtime: { folders: ['core', 'policy', 'ledger', 'activities', 'workflows', 'approvals', 'operations', 'server', 'cli'], packages: null },
  testing: {
    folders: ['core', 'policy', 'ledger', 'activities', 'workflows', 'approvals', 'operations', 'runtime'],
    packages: [...NODE, ...ZOD, '@temporalio/client', '@temporalio/common', '@temporalio/proto', '@temporalio/worker'],
  },
  examples: { folders: ['runtime', 'workflows', 'activities'], packages: null },
};

/** Modules beside a folder's index.ts that other folders may import. */
export const ENTRY_POINTS = [
  'activities/git/index.ts',
  'activities/files/index.ts',
  'activities/http/index.ts',
  'runtime/temporal-server/index.ts',
  'runtime/commands/index.ts',
  'runtime/installation/index.ts',
  'runtime/teardown.ts',
] as const;

/** Imports that the rules above forbid, and why each is right. */
export const EXCEPTIONS: readonly { readonly from: string; readonly to: string; readonly typeOnly: boolean; readonly why: string }[] = [
  {
    from: 'workflows/proxy-actions.ts',
    to: 'activities/define-action.ts',
    typeOnly: true,
    why: 'proxied actions have the types of the declared ones; nothing of it is in the bundle',
  },
];

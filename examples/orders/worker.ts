import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { holdpoint } from '../../runtime/index.ts';
import { actions } from './actions.ts';

/** The application's own worker; the plugin, in the place of its activities, is all that Holdpoint adds. */
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233' }),
  taskQueue: 'orders',
  workflowsPath: fileURLToPath(import.meta.resolve('./workflows.js')),
  plugins: [holdpoint({ actions, config: 'holdpoint.config.yaml' })],
});
await worker.run();

import type { WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { waitingRoom } from './waiting-room.ts';

/** In place of `waiting-room.ts` on the workers of an installation in observe, whose runs are mostly started elsewhere. */
export const interceptors: WorkflowInterceptorsFactory = () => waitingRoom('observe');

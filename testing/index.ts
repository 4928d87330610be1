export { createTestEnvironment } from './environment.ts';
export type { TestEnvironment, TestEnvironmentOptions, TestStart } from './environment.ts';
export type { TestRun } from './test-run.ts';
export type { DecideWith, TestHold } from './test-hold.ts';
export type { Clock } from './clock.ts';
export type { Effect } from './effect-record.ts';
export type { ActionNames, ExpectedEffect, Fakes, InputOf } from './action-names.ts';

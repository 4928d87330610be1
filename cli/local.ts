/** Commands that run in this process rather than on a server; loaded when one is asked for. */
export function loadCommands() {
  return import('../runtime/commands/index.ts');
}

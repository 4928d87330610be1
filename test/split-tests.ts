import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** A test that names one of the servers of test/global-setup.ts, itself or through what it imports, needs them running. */
const SERVER = /HOLDPOINT_TEST_(TEMPORAL|POSTGRES)/;
/** A test that starts such a server by itself is as slow. */
const STARTS = /ensureTemporalServer|startPostgres|createTestEnvironment|Installation\.create/;
const RELATIVE_IMPORT = /(?:from|import)\s*\(?\s*'(\.[^']+\.ts)'/g;
const OUTSIDE = new Set(['node_modules', 'dist', 'dist-bench', '.git', '.holdpoint']);

/** Test files, as paths relative to `root`, by whether they need servers. */
export function splitTests(root: string): { readonly unit: string[]; readonly integration: string[] } {
  const read = moduleReader();
  const tests = testFiles(root).map((file) => ({ path: relative(root, file), needs: reachesServer(file, read) }));
  const named = (needs: boolean) => tests.filter((test) => test.needs === needs).map((test) => test.path);
  return { unit: named(false), integration: named(true) };
}

interface Module {
  readonly server: boolean;
  readonly starts: boolean;
  readonly imports: readonly string[];
}

function reachesServer(test: string, read: (file: string) => Module): boolean {
  if (read(test).starts) return true;
  const reached = new Set([test]);
  for (const file of reached) {
    const module = read(file);
    if (module.server) return true;
    for (const imported of module.imports) reached.add(imported);
  }
  return false;
}

function moduleReader(): (file: string) => Module {
  const known = new Map<string, Module>();
  return (file) => {
    const found = known.get(file);
    if (found) return found;
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const specifiers = [...text.matchAll(RELATIVE_IMPORT)].flatMap(([, specifier]) => specifier ?? []);
    const module = {
      server: SERVER.test(text),
      starts: STARTS.test(text),
      imports: specifiers.map((specifier) => join(dirname(file), specifier)),
    };
    known.set(file, module);
    return module;
  };
}

function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (OUTSIDE.has(entry.name)) return [];
    if (entry.isDirectory()) return testFiles(join(folder, entry.name));
    return entry.name.endsWith('.test.ts') ? [join(folder, entry.name)] : [];
  });
}

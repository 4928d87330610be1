// Measures compiled JavaScript, as people run it, not sources that a test runner transforms.
import { join } from 'node:path';
import { compile } from './build.mjs';
import { prepare } from './prepare.mjs';
import { must } from './steps.mjs';

const root = prepare({ compile: false });
compile(root, 'tsconfig.bench.json', 'dist-bench');
must('bench', process.execPath, [join(root, 'dist-bench/test/bench/main.js'), ...process.argv.slice(2)], { cwd: root });

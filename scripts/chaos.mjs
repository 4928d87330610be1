// Runs compiled JavaScript, so that processes can be killed and started again without a test runner between.
import { join } from 'node:path';
import { compile } from './build.mjs';
import { prepare } from './prepare.mjs';
import { must } from './steps.mjs';

const root = prepare({ compile: false });
compile(root, 'tsconfig.bench.json', 'dist-bench');
must('chaos', process.execPath, [join(root, 'dist-bench/test/chaos/main.js'), ...process.argv.slice(2)], { cwd: root });

export { chain } from '../../workflows/index.ts';

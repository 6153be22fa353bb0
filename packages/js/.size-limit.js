// The sizes that `npm run build` prints: what a bundler makes of each entry, minified and gzipped.

/** Modules stay modules, as in the apps' bundlers. */
const modifyEsbuildConfig = (config) => ({...config, format: 'esm'});

const size = (name, file, limit, ignore = []) => ({
  ...{name, path: `dist/${file}.js`, limit, ignore, gzip: true},
  modifyEsbuildConfig,
});

export default [
  size('supasession-js', 'index', '4.6 kB', ['./devices.js', './refusals.js']),
  size('supasession-js: devices, loaded when asked for', 'devices', '0.6 kB', [
    './api.js',
    './errors.js',
    './refusals.js',
  ]),
  size('supasession-js: unexpected answers, loaded at the first', 'refusals', '0.5 kB', [
    './errors.js',
    './memo.js',
    './watch-fetch.js',
  ]),
  size('supasession-js/react', 'react', '1 kB'),
  size('supasession-js/storage', 'storage', '1 kB'),
  size('supasession-js/server (not in a browser)', 'server', '2.5 kB'),
];

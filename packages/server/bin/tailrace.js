#!/usr/bin/env node
// Checks the version of Node before anything is imported that an older one could not parse. Every Node since 10 can run
// this file: it has no static import, which would be loaded first.
var NEEDED = [22, 13]
var running = process.versions.node.split('.').map(Number)

if (running[0] > NEEDED[0] || (running[0] === NEEDED[0] && running[1] >= NEEDED[1])) {
  void import('./start.js')
} else {
  console.error(
    'tailrace: Node ' +
      NEEDED.join('.') +
      ' or newer is needed, and this is Node ' +
      process.versions.node +
      ': install a newer one from https://nodejs.org, or use the one from npm with "npx -p node@24 tailrace".',
  )
  process.exitCode = 1
}

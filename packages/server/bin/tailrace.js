#!/usr/bin/env node
import { registerHooks } from 'node:module'

// In a checkout the sources run as they are written; an installed package runs what was built of them,
// since Node strips no types under node_modules.
if (import.meta.url.includes('/node_modules/')) {
  await import('../dist/main.js')
} else {
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: ['@tailrace/source', ...context.conditions] }),
  })
  await import('../src/main.ts')
}

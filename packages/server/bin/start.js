// A checkout runs the sources as they are written; an installed package runs the build, because Node does not strip
// types under node_modules.
if (import.meta.url.includes('/node_modules/')) {
  await import('../dist/main.js')
} else {
  const { registerHooks } = await import('node:module')
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: ['@tailrace/source', ...context.conditions] }),
  })
  await import('../src/main.ts')
}

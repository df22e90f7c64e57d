import { gzipSync } from 'node:zlib'
import { resolve } from 'node:path'
import { rolldown } from 'rolldown'

/** The bytes that a page loads for one export of the client, minified and gzipped. Lower them together with the code. */
const BUDGETS: Readonly<Record<string, number>> = { subscribe: 5_500, EventSource: 3_500, publish: 1_475 }

const ENTRY = 'virtual:entry'
const CLIENT = resolve(import.meta.dirname, '../packages/client/src/index.ts')
/** Loaded when needed: by a page behind a proxy that buffers, and with `share: tabs`. */
const ON_DEMAND = /\/(poll|tabs)\.ts$/

async function sizeOf(name: string): Promise<number> {
  await using build = await rolldown({
    input: ENTRY,
    external: ON_DEMAND,
    resolve: { conditionNames: ['@tailrace/source', 'import', 'default'] },
    plugins: [
      {
        name: 'one-export',
        resolveId: (id) => (id === ENTRY ? id : undefined),
        load: (id) => (id === ENTRY ? `export { ${name} } from ${JSON.stringify(CLIENT)}` : undefined),
      },
    ],
  })
  const { output } = await build.generate({ format: 'esm', minify: true })
  return gzipSync(output[0].code, { level: 9 }).length
}

for (const [name, budget] of Object.entries(BUDGETS)) {
  const size = await sizeOf(name)
  process.stdout.write(`${name}: ${size} B of ${budget}${size > budget ? ': too large' : ''}\n`)
  if (size > budget) process.exitCode = 1
}

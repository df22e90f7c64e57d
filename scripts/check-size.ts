import { gzipSync } from 'node:zlib'
import { resolve } from 'node:path'
import { rolldown } from 'rolldown'

/** The bytes that a page loads for one export of the client, minified and gzipped. Lower them together with the code. */
const BUDGETS: Readonly<Record<string, number>> = {
  // The last 80 bytes of both report one-off streams that failed: they must not look complete.
  subscribe: 6_380,
  EventSource: 3_500,
  publish: 1_800,
  readHistory: 2_050,
  connect: 7_720,
}

/** The modules of the client that a page must not load for this export. */
const OPTIONAL: Readonly<Record<string, RegExp>> = {
  subscribe:
    /\/(connect|event-source|history|page|payload|poll-step|publish|repeat|selector|tabs(-step)?)\.ts$/,
  EventSource: /\/(attempt|feed|options|queue|step|subscri\w+)\.ts$/,
  publish: /\/(attempt|event-source|feed|history|options|step|stream)\.ts$/,
}

const ENTRY = 'virtual:entry'
const CLIENT = resolve(import.meta.dirname, '../packages/client/src/index.ts')
/** Loaded when needed: by a page behind a proxy that buffers. */
const ON_DEMAND = /\/poll\.ts$/

async function bundleOf(name: string): Promise<{ size: number; modules: string[] }> {
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
  const modules = Object.entries(output[0].modules).filter(([, { renderedLength }]) => renderedLength > 0)
  return { size: gzipSync(output[0].code, { level: 9 }).length, modules: modules.map(([id]) => id) }
}

for (const [name, budget] of Object.entries(BUDGETS)) {
  const { size, modules } = await bundleOf(name)
  const unwanted = modules.filter((id) => OPTIONAL[name]?.test(id))
  const verdict = size > budget ? ': too large' : unwanted.length > 0 ? `: has ${unwanted.join(', ')}` : ''
  process.stdout.write(`${name}: ${size} B of ${budget}${verdict}\n`)
  if (verdict !== '') process.exitCode = 1
}

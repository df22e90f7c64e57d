import { resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

/** The modules of a bundle that contribute code to it. */
async function modulesOf(file: string): Promise<string[]> {
  await using build = await rolldown({
    input: resolve(import.meta.dirname, 'page', file),
    resolve: { conditionNames: ['@tailrace/source', 'import', 'default'] },
  })
  const { output } = await build.generate({ format: 'esm' })
  return output.flatMap((chunk) =>
    chunk.type === 'chunk'
      ? Object.entries(chunk.modules).flatMap(([id, { renderedLength }]) => (renderedLength > 0 ? [id] : []))
      : [],
  )
}

const SCHEMAS = /node_modules\/(zod|valibot)\/|packages\/topics\//

test('a page that reads typed topics bundles the client, and neither schemas nor their library', async () => {
  const modules = await modulesOf('page.ts')
  expect(modules.filter((id) => id.includes('packages/client/src/')).length).toBeGreaterThan(5)
  expect(modules.filter((id) => SCHEMAS.test(id) && !id.endsWith('page/page.ts'))).toEqual([])
})

test('a program that publishes typed topics does bundle them', async () => {
  const modules = await modulesOf('topics.ts')
  expect(modules.some((id) => id.includes('node_modules/zod/'))).toBe(true)
  expect(modules.some((id) => id.endsWith('src/define-topics.ts'))).toBe(true)
})

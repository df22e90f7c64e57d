import { readdirSync, readFileSync } from 'node:fs'
import * as wire from '@tailrace/wire'
import { expect, test } from 'vitest'

const source = new URL('../src/', import.meta.url)

test('the package exports exactly these names', () => {
  expect(Object.keys(wire).toSorted()).toMatchInlineSnapshot(`
    [
      "DEFAULT_MAX_BUFFER_LENGTH",
      "HEARTBEAT",
      "MAX_RETRY_MS",
      "WireError",
      "createDecoder",
      "encodeEvent",
    ]
  `)
})

test('the source imports nothing but itself', () => {
  const files = readdirSync(source).filter((file) => file.endsWith('.ts'))
  expect(files.length).toBeGreaterThan(3)
  for (const file of files) {
    const text = readFileSync(new URL(file, source), 'utf8')
    const imports = Array.from(text.matchAll(/\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g))
    for (const [, from, bare] of imports) expect.soft(from ?? bare, file).toMatch(/^\.\/[a-z-]+\.ts$/)
    expect.soft(text, file).not.toMatch(/\bnode:|\bglobalThis\.(process|Buffer)\b/)
  }
})

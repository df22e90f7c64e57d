import { readFileSync } from 'node:fs'
import { STATUS } from '@tailrace/http'
import { expect, test } from 'vitest'
import { toProblem } from '../src/problem.ts'

test('the protocol lists every code with its status, and no other', () => {
  const protocol = readFileSync(new URL('../../../spec/protocol.md', import.meta.url), 'utf8')
  const rows = protocol.matchAll(/^\| `([a-z0-9-]+)` \| (\d{3}) \|/gm)
  const listed = Object.fromEntries(Array.from(rows, ([, code, status]) => [code, Number(status)]))
  expect(listed).toEqual(STATUS)
})

test('what is a bug and no refusal keeps its text to itself', () => {
  const { status, body } = toProblem(new TypeError('cannot read /secret/path'))
  expect(status).toBe(500)
  expect(JSON.parse(body)).toMatchObject({ code: 'internal' })
  expect(body).not.toContain('secret')
})

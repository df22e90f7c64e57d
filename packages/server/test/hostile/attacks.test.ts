import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KEYS } from '../auth/tokens.ts'
import { expectAlive } from './attack.ts'
import type { Attack } from './attack.ts'
import { CONNECTION_ATTACKS } from './connection-attacks.ts'
import { TOKEN_ATTACKS } from './token-attacks.ts'
import { CONTENT_ATTACKS } from './content-attacks.ts'

const LIMITS = [
  '--head-timeout',
  '1s',
  '--request-timeout',
  '2s',
  '--max-head',
  '8KiB',
  '--max-event',
  '64KiB',
  '--max-batch',
  '64KiB',
  '--max-streams-per-subject',
  '5',
  '--publish-rate',
  '50',
]

let open: HubProcess
let keyed: HubProcess

beforeAll(async () => {
  ;[open, keyed] = await Promise.all([startHub({ args: LIMITS }), startHub({ env: KEYS, args: LIMITS })])
})

afterAll(async () => {
  await Promise.all([open, keyed].map((hub) => hub[Symbol.asyncDispose]()))
})

async function rowOf(
  hub: HubProcess,
  { name, answer, run }: Attack,
): Promise<readonly [string, string, string]> {
  const got = await run(hub)
  const isAnswered = typeof answer === 'string' ? got === answer : answer.test(got)
  let result = isAnswered ? 'held' : 'NOT ANSWERED'
  await expectAlive(hub).catch((error: Error) => (result = `DOWN: ${error.message}`))
  return [name, got, result]
}

test('each attack has its answer, and the hub serves on', { timeout: 120_000 }, async () => {
  const rows: (readonly [string, string, string])[] = []
  for (const attack of [...CONNECTION_ATTACKS, ...CONTENT_ATTACKS]) rows.push(await rowOf(open, attack))
  for (const attack of TOKEN_ATTACKS) rows.push(await rowOf(keyed, attack))
  const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]!.length)))
  const lines = [['attack', 'answer', 'result'], ...rows].map((row) =>
    row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | '),
  )
  console.log(lines.join('\n'))
  expect(rows.filter(([, , result]) => result !== 'held')).toEqual([])
  for (const hub of [open, keyed]) expect(hub.output()).not.toMatch(/Error|node:|\.ts:/)
})

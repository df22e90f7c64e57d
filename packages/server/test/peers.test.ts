import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { peerKey, portText, scanRows } from '../src/peers/proc-net.ts'
import type { Unacknowledged } from '../src/peers/proc-net.ts'
import { Verdict } from '../src/peers/verdict.ts'

describe.skipIf(!existsSync('/proc/self/net/tcp'))(
  'a connection whose peer takes nothing is found in the list',
  () => {
    test.each([
      ['IPv4', '127.0.0.1', '/proc/self/net/tcp', 8],
      ['IPv6', '::1', '/proc/self/net/tcp6', 32],
    ] as const)('over %s, under the name that Node has for it', async (_, host, list, addressChars) => {
      const server = createServer()
      server.listen(0, host)
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const client = connect(port, host).pause()
      const [socket] = (await once(server, 'connection')) as [ReturnType<typeof connect>]
      // More than the kernels of both ends hold.
      socket.write(Buffer.alloc(32 * 1024 * 1024))
      const look = (): Unacknowledged[] => {
        const rows: Unacknowledged[] = []
        scanRows(readFileSync(list), addressChars, portText(port), (row) => rows.push(row))
        return rows
      }
      await expect.poll(() => look().length).toBe(1)
      const [{ peer, queued }] = look() as [Unacknowledged]
      expect(peerKey(peer)).toBe(`${socket.remoteAddress} ${socket.remotePort}`)
      expect(queued).toBeGreaterThan(0)
      socket.destroy()
      client.destroy()
      server.close()
    })
  },
)

test('a list is read in pieces: what is cut off is left for the next', () => {
  const row = (port: string, queued: string, tries: string): string =>
    ` 123: 0100007F:1092 0100007F:${port} 01 ${queued}:00000000 01:00000014 ${tries}     0        0 1 1 0 20 4\n`
  const whole = `  sl  local_address rem_address   st\n${row('0001', '0000000A', '00000003')}${row('0002', '00000000', '00000000')}`
  const seen: Unacknowledged[] = []
  const text = whole + row('0003', '0000000B', '00000001')
  const done = scanRows(Buffer.from(text.slice(0, -5)), 8, '1092', (one) => seen.push(one))
  expect(done).toBe(whole.length)
  expect(seen).toEqual([{ peer: '0100007F:0001', queued: 10, tries: 3 }])
})

describe('of a peer that has something unacknowledged', () => {
  const PEER = '0100007F:0001'

  /** What is found out in the end from looks that are a second apart, with a patience of three. */
  function conclude(looks: readonly (readonly [queued: number, tries: number])[]): string[] {
    const verdict = new Verdict(3_000)
    let found: string[] = []
    for (const [i, [queued, tries]] of looks.entries()) {
      verdict.add({ peer: PEER, queued, tries }, i * 1_000)
      const { vanished, stuck } = verdict.conclude(i * 1_000)
      found = [...vanished.map(() => 'vanished'), ...stuck.map(() => 'stuck')]
    }
    return found
  }

  test.each([
    [
      'it is only busy',
      [
        [10, 0],
        [5, 0],
        [10, 0],
        [5, 0],
        [10, 0],
      ],
      [],
    ],
    [
      'it takes nothing, and answers',
      [
        [10, 0],
        [10, 0],
        [10, 0],
        [10, 0],
        [10, 0],
      ],
      ['stuck'],
    ],
    [
      'it is repeated to, without an answer',
      [
        [10, 1],
        [10, 2],
        [12, 3],
        [15, 4],
        [15, 4],
      ],
      ['vanished', 'stuck'],
    ],
    [
      'it answered in between',
      [
        [10, 1],
        [10, 2],
        [10, 0],
        [10, 1],
        [10, 2],
      ],
      [],
    ],
    [
      'it lost a segment of what it takes',
      [
        [10, 1],
        [9, 1],
        [8, 1],
        [7, 1],
        [6, 1],
      ],
      [],
    ],
    [
      'it has not been silent for long',
      [
        [10, 0],
        [10, 0],
        [10, 1],
        [10, 2],
        [10, 3],
      ],
      ['stuck'],
    ],
  ] as const)('%s', (_, looks, expected) => {
    expect(conclude(looks)).toEqual(expected)
  })
})

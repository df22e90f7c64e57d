import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { eventually } from '../patience.ts'
import { expectProblem } from '../site.ts'

interface Connections {
  readonly node: string
  readonly total: number
  readonly connections: readonly {
    readonly id: string
    readonly topics: readonly string[]
    readonly state: string
  }[]
}

export function testOperation(check: Check): void {
  check.with('health', '6.1', '/healthz and /readyz answer without a token', async (site) => {
    for (const path of ['/healthz', '/readyz']) expect(await site.ask(path)).toMatchObject({ status: 200 })
  })

  check.with('connections', '6.4', 'open streams are listed, until their readers are gone', async (site) => {
    const topic = site.topic()
    const reader = await site.follow(topic)
    const find = async (): Promise<Connections['connections']> => {
      const answer = await site.ask('/connections?limit=1000')
      expect(answer.status).toBe(200)
      return (JSON.parse(answer.text) as Connections).connections.filter(({ topics }) =>
        topics.includes(topic),
      )
    }
    expect(await find()).toMatchObject([{ topics: [topic], state: 'live' }])
    reader.close()
    await eventually(find, (found) => found.length === 0)
  })

  check.with(
    'connections',
    '6.5',
    'a stream is ended by its id, of which there is only one',
    async (site) => {
      const topic = site.topic()
      const reader = await site.follow(topic)
      const { text } = await site.ask('/connections?limit=1000')
      const found = (JSON.parse(text) as Connections).connections.find(({ topics }) => topics.includes(topic))
      const ended = await site.ask(`/connections/${found!.id}`, { method: 'DELETE' })
      expect([ended.status, JSON.parse(ended.text)]).toEqual([200, { ended: 1 }])
      await reader.end()
      expect(reader.frames.at(-1)).toEqual({ event: 'tailrace.error', data: '{"code":"revoked"}' })
      const again = await site.ask(`/connections/${found!.id}`, { method: 'DELETE' })
      expectProblem(again, 404, 'unknown-connection')
    },
  )
}

import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { needs, startHub } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { KEYS, tokenOf } from '../auth/tokens.ts'

const curl = needs('curl')
const TOKEN = ' -H "Authorization: Bearer $TAILRACE_TOKEN"'

test.skipIf(!curl).each([
  ['an open hub', {}, [], '', ''],
  ['a hub with keys', KEYS, [], TOKEN, TOKEN],
  ['a hub that all may read', KEYS, ['--anonymous-subscribe'], '', TOKEN],
  ['a hub that all may write', KEYS, ['--anonymous-publish'], TOKEN, ''],
])(
  'the two commands of the banner of %s work: curl -N reads what curl -d publishes',
  async (_, env, args, tokenToRead, tokenToWrite) => {
    await using hub = await startHub({ env, args })
    const commands = hub.output().match(/curl .*$/gm)!
    expect(commands).toEqual([
      `curl -N${tokenToRead} ${hub.url}/topics/hello`,
      `curl -d hi${tokenToWrite} ${hub.url}/topics/hello`,
    ])
    const [read, publish] = commands.map((command) => ['-c', `exec ${command}`])
    const token = await tokenOf({ publish: ['hello'], subscribe: ['hello'] })
    const shell = { env: { ...process.env, TAILRACE_TOKEN: token } }

    const reader = spawn('sh', read!, { ...shell, stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]()
      const until = async (wanted: string): Promise<void> => {
        for (;;) {
          const { value, done } = await lines.next()
          if (value === wanted) return
          if (done === true) throw new Error(`curl has ended before ${wanted}`)
        }
      }
      await until('event: tailrace.live')
      const answer = spawnSync('sh', publish!, { ...shell, encoding: 'utf8' })
      expect(JSON.parse(answer.stdout)).toMatchObject({ topic: 'hello' })
      await until('data: hi')
    } finally {
      reader.kill()
    }
  },
)

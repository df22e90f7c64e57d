import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { needs, startHub } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const curl = needs('curl')

test.skipIf(!curl)('the two commands of the banner work: curl -N reads what curl -d publishes', async () => {
  await using hub = await startHub()
  const [read, publish] = commandsIn(hub.output())
  expect(read).toEqual(['curl', '-N', `${hub.url}/topics/hello`])
  expect(publish).toEqual(['curl', '-d', 'hi', `${hub.url}/topics/hello`])

  const reader = spawn(read![0]!, read!.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]()
    const until = async (wanted: string): Promise<void> => {
      for (;;) if ((await lines.next()).value === wanted) return
    }
    await until('event: tailrace.live')
    const answer = spawnSync(publish![0]!, ['-sS', ...publish!.slice(1)], { encoding: 'utf8' })
    expect(JSON.parse(answer.stdout)).toMatchObject({ topic: 'hello' })
    await until('data: hi')
  } finally {
    reader.kill()
  }
})

function commandsIn(banner: string): string[][] {
  return [...banner.matchAll(/curl .*$/gm)].map(([command]) => command.trim().split(' '))
}

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needs, startService } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { deployed } from './deployed.ts'
import { startProxied } from './proxied.ts'
import type { Proxy } from './proxied.ts'
import { testProxy } from './test-proxy.ts'

const isHere = [needs('varnish'), needs('openssl')].every(Boolean)

const varnish: Proxy = {
  scheme: 'http',
  whenHubIsAway: 'hangs up',
  start({ folder, port, hubPort, idleSeconds = 60 }) {
    const file = join(folder, 'default.vcl')
    writeFileSync(file, deployed('default.vcl', [['.port = "4242"', `.port = "${hubPort}"`]]))
    const place = ['-n', join(folder, 'varnish'), '-T', 'none', '-j', 'none', '-s', 'malloc,16m']
    const args = ['-F', ...place, '-a', `127.0.0.1:${port}`, '-f', file, '-p', `pipe_timeout=${idleSeconds}s`]
    return startService({ command: 'varnishd', args, port })
  },
}

describe.skipIf(!isHere)('through Varnish', () => {
  testProxy(varnish)

  test('what is no stream is asked of the hub each time', async () => {
    await using at = await startProxied(varnish)
    for (const n of [1, 2]) {
      await at.publish('t', `event ${n}`)
      const answer = await fetch(`${at.url}/topics/t?from=start`, { headers: { accept: 'application/json' } })
      expect(((await answer.json()) as { events: unknown[] }).events).toHaveLength(n)
    }
  })
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, needs, startService } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { deployed } from './deployed.ts'
import { testHttp2 } from './http2.ts'
import { startProxied } from './proxied.ts'
import type { Proxy } from './proxied.ts'
import { testProxy } from './test-proxy.ts'

const isHere = [needs('caddy'), needs('openssl')].every(Boolean)

const caddy: Proxy = {
  scheme: 'https',
  whenHubIsAway: 'answers',
  async start({ folder, certificate, port, hubPort, idleSeconds }) {
    const file = join(folder, 'Caddyfile')
    const text = deployed('Caddyfile', [
      // Its own API and the redirect from port 80 would take ports of the machine.
      [
        'grace_period 30s',
        `grace_period 1s\n\tadmin off\n\thttps_port ${port}\n\thttp_port ${await freePort()}`,
      ],
      ['events.example.com {', `localhost:${port} {\n\tbind 127.0.0.1`],
      ['/etc/caddy/certs/events.example.com.crt', certificate.cert],
      ['/etc/caddy/certs/events.example.com.key', certificate.key],
      ['127.0.0.1:4242', `127.0.0.1:${hubPort}`],
      ...(idleSeconds === undefined ? [] : [['read_timeout 60s', `read_timeout ${idleSeconds}s`] as const]),
    ])
    writeFileSync(file, text)
    const args = ['run', '--config', file, '--adapter', 'caddyfile']
    return startService({
      command: 'caddy',
      args,
      port,
      env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    })
  },
}

describe.skipIf(!isHere)('through Caddy', () => {
  testProxy(caddy)
  testHttp2(caddy)

  test('HTTP/3 is on offer on the same port', async () => {
    await using at = await startProxied(caddy)
    const reader = await at.openStream('t')
    expect(reader.headers['alt-svc']).toContain(`h3=":${at.port}"`)
    reader.close()
  })
})

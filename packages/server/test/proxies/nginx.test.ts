import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { needs, openStream, startService, tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { KEYS, ticketOf, tokenOf } from '../auth/tokens.ts'
import { collect } from './collected.ts'
import { deployed } from './deployed.ts'
import { testHttp2 } from './http2.ts'
import { startProxied } from './proxied.ts'
import type { Proxy } from './proxied.ts'
import { dataOf, isLive, testProxy } from './test-proxy.ts'

const isHere = [needs('nginx'), needs('openssl')].every(Boolean)

function nginx(changes: readonly (readonly [string, string])[] = []): Proxy {
  return {
    scheme: 'https',
    whenHubIsAway: 'answers',
    start({ folder, certificate, port, hubPort, idleSeconds }) {
      const file = join(folder, 'nginx.conf')
      const text = deployed('nginx.conf', [
        ['user www-data;', 'user root;'],
        ['worker_processes auto;', 'worker_processes 2;'],
        ['/run/nginx.pid', join(folder, 'nginx.pid')],
        ['worker_rlimit_nofile 65536;', ''],
        ['worker_connections 32768;', 'worker_connections 512;'],
        ['/var/log/nginx/access.log', join(folder, 'access.log')],
        ['  gzip on;', `${temporaryFiles(folder)}  gzip on;`],
        ['127.0.0.1:4242', `127.0.0.1:${hubPort}`],
        ['listen 443', `listen 127.0.0.1:${port}`],
        ['listen [::]:443 ssl http2;', ''],
        ['/etc/ssl/events.example.com/fullchain.pem', certificate.cert],
        ['/etc/ssl/events.example.com/privkey.pem', certificate.key],
        ...(idleSeconds === undefined
          ? []
          : [['proxy_read_timeout 60s;', `proxy_read_timeout ${idleSeconds}s;`] as const]),
        ...changes,
      ])
      writeFileSync(file, text)
      return startService({ command: 'nginx', args: ['-p', folder, '-c', file, '-g', 'daemon off;'], port })
    },
  }
}

/** Where Debian's own are, only root may write. */
function temporaryFiles(folder: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${join(folder, name)};\n`)
    .join('')
}

describe.skipIf(!isHere)('through nginx', () => {
  testProxy(nginx())
  testHttp2(nginx())

  test('only X-Accel-Buffering keeps its buffers from holding events back', async () => {
    // Everything as it is, but for the word of the hub.
    const deaf = nginx([['proxy_connect_timeout 5s;', 'proxy_ignore_headers X-Accel-Buffering;']])
    await using buffered = await startProxied(deaf)
    let hasBegun = false
    const held = buffered.openStream('t').finally(() => (hasBegun = true))
    const direct = await openStream(`${buffered.hub.url}/topics/t`)
    await isLive(direct)
    for (let n = 1; n <= 10; n += 1) {
      await buffered.publish('t', `event ${n}`)
      await direct.waitFor(() => dataOf(direct).length === n)
    }
    // Not even its head has come.
    expect(hasBegun).toBe(false)
    // With the end comes everything.
    await buffered.hub.kill('SIGTERM')
    const reader = await held
    await reader.ended
    expect(dataOf(reader)).toEqual(dataOf(direct))
    direct.close()
  })

  test('the access log has the URL of a stream without its ticket', async () => {
    using dir = tempDir()
    const file = join(dir.path, 'copy.log')
    const both = `access.log without_tickets; access_log ${file} without_tickets;`
    const proxy = nginx([['access.log without_tickets;', both]])
    await using at = await startProxied(proxy, { hubEnv: KEYS })
    const ticket = await ticketOf(at.hub.url, await tokenOf({ subscribe: ['t'] }), ['t'])
    for (const query of [`ticket=${ticket}`, `from=start&ticket=${ticket}&gap=live`]) {
      const stream = await at.openStream(`t?${query}`)
      await isLive(stream)
      stream.close()
    }
    const log = (): string => readFileSync(file, 'utf8')
    await expect.poll(log).toContain('"GET /topics/t?ticket=- HTTP/1.1" 200')
    await expect.poll(log).toContain('"GET /topics/t?from=start&ticket=-&gap=live HTTP/1.1" 200')
    expect(log()).not.toContain(ticket)
  })

  test('a compressed stream flows as well, where somebody wants that', async () => {
    await using at = await startProxied(nginx([['gzip_types application/json;', 'gzip_types *;']]))
    const asked = request(`${at.url}/topics/t`, {
      ca: at.certificate.pem,
      agent: false,
      headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip' },
    })
    asked.end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    expect(answer.headers['content-encoding']).toBe('gzip')
    const until = collect(answer.pipe(createGunzip()))
    await until('event: tailrace.live\n')
    for (const data of ['event 1', 'event 2']) {
      await at.publish('t', data)
      await until(`data: ${data}\n`)
    }
    asked.destroy()
  })
})

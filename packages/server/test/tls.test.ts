import { copyFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { launchChromium, makeCertificate, needs, runCli, startHub, tempDir } from '@tailrace/testkit'
import type { Certificate, HubProcess, TempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const openssl = needs('openssl')
const chromium = needs('chromium')

let dir: TempDir
let certificate: Certificate
let hub: HubProcess

beforeAll(async () => {
  if (!openssl) return
  dir = tempDir()
  certificate = makeCertificate(dir.path)
  hub = await startHub({ args: ['--tls-cert', certificate.cert, '--tls-key', certificate.key] })
})

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]()
  dir?.[Symbol.dispose]()
})

async function ask(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number; body: string }> {
  const stream = session.request(headers)
  stream.end(body)
  const [answer] = (await once(stream, 'response')) as [Record<string, unknown>]
  return { status: Number(answer[':status']), body: await text(stream) }
}

/** Resolves once the stream has brought some text. */
async function until(stream: ClientHttp2Stream, wanted: string): Promise<string> {
  let got = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    got += chunk.toString()
    if (got.includes(wanted)) break
  }
  return got
}

/** @returns what a stream brought of an event that was published beside it, on the same connection */
async function publishBeside(session: ClientHttp2Session): Promise<string> {
  const stream = session.request({ ':path': '/topics/h2', accept: 'text/event-stream' })
  const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
  expect(head).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream; charset=utf-8' })
  const seen = until(stream, 'data: over one connection\n')
  const answer = await ask(session, { ':method': 'POST', ':path': '/topics/h2' }, 'over one connection')
  expect(answer.status).toBe(201)
  return seen
}

describe.skipIf(!openssl)('over TLS', () => {
  test('HTTP/2 streams and publishes on one connection', async () => {
    const session = connectHttp2(`https://localhost:${hub.port}`, { ca: certificate.pem })
    expect(await publishBeside(session)).toContain('event: tailrace.live')
    session.destroy()
  })

  test('HTTP/1.1 does as ever, for who asks for it or for nothing', async () => {
    for (const ALPNProtocols of [['http/1.1'], undefined]) {
      const socket = connectTls({
        host: '127.0.0.1',
        port: hub.port,
        ca: certificate.pem,
        ...(ALPNProtocols && { ALPNProtocols }),
      })
      socket.write('GET /topics/h1 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n')
      let got = ''
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        got += chunk.toString()
        if (got.includes('tailrace.live')) break
      }
      expect(got).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    }
  })

  test('a connection of HTTP/1.1 publishes again as soon as it has an answer', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: hub.port, ca: certificate.pem })
    const publish = 'POST /topics/again HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi'
    socket.write(publish)
    let answered = 0
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      expect(chunk.toString()).toMatch(/^HTTP\/1\.1 201 Created\r\n[^]*\}\n$/)
      answered += 1
      if (answered === 50) break
      socket.write(publish)
    }
    expect(answered).toBe(50)
  })

  test('a body that does not come is given up over HTTP/1.1 as well', async () => {
    const args = ['--tls-cert', certificate.cert, '--tls-key', certificate.key]
    await using own = await startHub({ args: [...args, '--head-timeout', '1s', '--request-timeout', '1s'] })
    const socket = connectTls({ host: '127.0.0.1', port: own.port, ca: certificate.pem })
    socket.write('POST /topics/h1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf')
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 [^]*"request-timeout"/)
  })

  test('a hub that is told to stop closes connections on which nothing is under way', async () => {
    const args = ['--tls-cert', certificate.cert, '--tls-key', certificate.key]
    await using own = await startHub({ args })
    const socket = connectTls({ host: '127.0.0.1', port: own.port, ca: certificate.pem })
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(socket, 'data')
    expect(await own.kill()).toEqual({ code: 0, signal: null })
    socket.destroy()
  })

  test('a hub that is told to stop closes clients that have only connected, while it answers another', async () => {
    const args = ['--tls-cert', certificate.cert, '--tls-key', certificate.key]
    await using own = await startHub({ args })
    const place = { host: '127.0.0.1', port: own.port, ca: certificate.pem }
    const served = connectTls(place)
    served.write(
      'POST /topics/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
    )
    await once(served, 'data')
    const silent = [
      connect({ host: place.host, port: own.port }),
      connectTls(place),
      connectTls({ ...place, ALPNProtocols: ['h2'] }),
    ]
    await Promise.all(
      silent.map((socket) => once(socket, 'encrypted' in socket ? 'secureConnect' : 'connect')),
    )
    const closed = silent.map((socket) => once(socket.on('error', () => undefined).resume(), 'close'))
    const stopped = own.kill()
    await Promise.all(closed)
    served.write('x')
    expect(await text(served)).toMatch(/^HTTP\/1\.1 503 [^]*"code":"closed"/)
    expect(await stopped).toEqual({ code: 0, signal: null })
  })

  test('a refusal is a problem over HTTP/2 as well', async () => {
    const session = connectHttp2(`https://localhost:${hub.port}`, { ca: certificate.pem })
    for (const [path, status, code] of [
      ['/topics/a%2Fb', 400, 'invalid-path'],
      ['/nothing', 404, 'not-found'],
      ['/topics/a?from=start&limit=0', 400, 'invalid-query'],
    ] as const) {
      const answer = await ask(session, { ':path': path, accept: 'application/json' })
      expect([answer.status, (JSON.parse(answer.body) as { code: string }).code]).toEqual([status, code])
    }
    const foreign = await ask(session, { ':path': '/topics/a', ':authority': 'evil.example' })
    expect(foreign.status).toBe(403)
    session.destroy()
  })

  test('a new certificate counts without a restart, and one that is none changes nothing', async () => {
    using other = tempDir()
    const files = makeCertificate(other.path)
    await using own = await startHub({ args: ['--tls-cert', files.cert, '--tls-key', files.key] })
    const served = async (): Promise<string> => {
      const socket = connectTls({ host: '127.0.0.1', port: own.port, rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      return fingerprint256
    }
    const before = await served()
    copyFileSync(certificate.key, files.key)
    await expect
      .poll(() => own.output(), { timeout: 10_000 })
      .toContain('could not be reloaded, and the old one stays in use')
    expect(await served()).toBe(before)
    copyFileSync(certificate.cert, files.cert)
    await expect.poll(served, { timeout: 10_000 }).not.toBe(before)
  })

  test('files that are none keep the hub from starting', async () => {
    const { code, stderr } = await runCli([
      'serve',
      '--port',
      '0',
      '--log',
      'memory:',
      '--tls-cert',
      '/nowhere',
      '--tls-key',
      certificate.key,
    ])
    expect(code).toBe(1)
    expect(stderr).toContain('/nowhere')
    const half = await runCli(['serve', '--port', '0', '--log', 'memory:', '--tls-cert', certificate.cert])
    expect(half.code).toBe(64)
    expect(half.stderr).toContain('--tls-key')
  })
})

test('HTTP/2 without TLS, as proxies speak it, works on the same port', async () => {
  await using plain = await startHub()
  const session = connectHttp2(plain.url)
  expect(await publishBeside(session)).toContain('event: tailrace.live')
  session.destroy()
})

describe.skipIf(!chromium || !openssl)('twelve streams of one page in Chromium', () => {
  /** How many of twelve streams of a page have opened, once nothing more opens. */
  async function openStreams(url: string, expected: number): Promise<number> {
    const browser = await launchChromium()
    try {
      const context = await browser.newContext({ ignoreHTTPSErrors: true })
      const page = await context.newPage()
      await page.route('**/page', (route) =>
        route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
      )
      await page.goto(`${url}/page`)
      await page.evaluate(() => {
        const globals = window as unknown as { opened: number; sources: EventSource[] }
        globals.opened = 0
        globals.sources = Array.from({ length: 12 }, (_, i) => {
          const source = new EventSource(`/topics/t${i}`)
          source.addEventListener('open', () => (globals.opened += 1))
          return source
        })
      })
      await page.waitForFunction(
        (count) => (window as unknown as { opened: number }).opened >= count,
        expected,
      )
      // What an application would want besides: it waits for a free connection.
      const answered = page.evaluate(async () => {
        const signal = AbortSignal.timeout(1_000)
        return fetch('/healthz', { signal }).then(
          ({ status }) => status,
          () => 0,
        )
      })
      const status = await answered
      const opened = await page.evaluate(() => (window as unknown as { opened: number }).opened)
      expect(status).toBe(opened === 12 ? 200 : 0)
      return opened
    } finally {
      await browser.close()
    }
  }

  test('all open over HTTP/2, and calls are answered beside them', async () => {
    expect(await openStreams(hub.url.replace('127.0.0.1', 'localhost'), 12)).toBe(12)
  })

  test('stop at six over HTTP/1.1, and calls wait: the limit of browsers', async () => {
    await using plain = await startHub()
    expect(await openStreams(plain.url, 6)).toBe(6)
  })
})

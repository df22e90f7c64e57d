import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestSecurely } from 'node:https'
import { text } from 'node:stream/consumers'
import { makeCertificate, needs, openNetwork, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess, Network, TempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { bearer, KEYS, tokenOf } from './auth/tokens.ts'

const isHere = [needs('network'), needs('curl'), needs('openssl')].every(Boolean)
/** Short, so that a test takes seconds; as far from each other as the defaults are, and far enough for a busy machine. */
const TIMES = ['--heartbeat', '2s', '--stall-timeout', '4s']
const OPEN = ['--host', '0.0.0.0', '--anonymous-subscribe', '--anonymous-publish']

interface Reader extends Disposable {
  until(text: string): Promise<void>
}

/** A reader that is in a network of its own, or on this machine. */
function readFrom(network: Network | undefined, url: string, args: readonly string[]): Reader {
  const [command, ...rest] = [...(network?.prefix ?? []), 'curl', '-sN', ...args, url]
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  let got = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    got += chunk
  })
  return {
    async until(wanted) {
      while (!got.includes(wanted)) await once(child.stdout, 'data')
    },
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  }
}

/** What the hub says to an administrator, whatever it speaks. */
async function ask(hub: HubProcess, path: string, body?: string): Promise<string> {
  const send = hub.url.startsWith('https:') ? requestSecurely : request
  const headers = bearer(await tokenOf({ admin: true, publish: ['**'] }))
  const method = body === undefined ? 'GET' : 'POST'
  const sent = send(`${hub.url}${path}`, { agent: false, method, headers, rejectUnauthorized: false }).end(
    body,
  )
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return text(response)
}

async function streamsOf(hub: HubProcess): Promise<number> {
  return (JSON.parse(await ask(hub, '/connections')) as { total: number }).total
}

describe.skipIf(!isHere)('a reader that vanishes without a word is let go within the stall time', () => {
  test.each([
    ['HTTP/1.1, and nothing is published', 'http', ['--http1.1'], false],
    ['HTTP/1.1, and events flow', 'http', ['--http1.1'], true],
    ['HTTP/2, and nothing is published', 'http', ['--http2-prior-knowledge'], false],
    ['HTTP/2, and events flow', 'http', ['--http2-prior-knowledge'], true],
    ['HTTP/1.1 over TLS', 'https', ['--http1.1', '-k'], false],
    ['HTTP/2 over TLS', 'https', ['--http2', '-k'], false],
  ])('%s', async (_, scheme, args, isBusy) => {
    using network = openNetwork()!
    using folder = tempDir()
    await using hub = await startHub({
      args: [...TIMES, ...OPEN, ...(scheme === 'https' ? tlsArgs(folder) : [])],
      env: KEYS,
    })
    using reader = readFrom(network, `${scheme}://${network.host}:${hub.port}/topics/t`, args)
    await reader.until('tailrace.live')
    // One that stays, to be told from the one that goes.
    using other = readFrom(undefined, `${hub.url}/topics/t`, args)
    await other.until('tailrace.live')
    expect(await streamsOf(hub)).toBe(2)

    network.vanish()
    const publishing = isBusy ? setInterval(() => void ask(hub, '/topics/t', 'meanwhile'), 100) : undefined
    try {
      await expect.poll(() => streamsOf(hub), { timeout: 25_000 }).toBe(1)
    } finally {
      clearInterval(publishing)
    }
    expect(await ask(hub, '/metrics')).toContain('tailrace_closes_total{reason="vanished"} 1\n')
    await ask(hub, '/topics/t', 'afterwards')
    await other.until('data: afterwards')
  })
})

function tlsArgs({ path }: TempDir): string[] {
  const { cert, key } = makeCertificate(path)
  return ['--tls-cert', cert, '--tls-key', key]
}

describe.skipIf(!isHere)('a hub that is told to stop does not wait for a reader that has vanished', () => {
  test.each([
    ['HTTP/1.1', 'http', ['--http1.1']],
    ['HTTP/2', 'http', ['--http2-prior-knowledge']],
    ['HTTP/1.1 over TLS', 'https', ['--http1.1', '-k']],
    ['HTTP/2 over TLS', 'https', ['--http2', '-k']],
  ])('%s', async (_, scheme, args) => {
    using network = openNetwork()!
    using folder = tempDir()
    // The stall time is far away.
    const settings = ['--drain', '1s', ...OPEN, ...(scheme === 'https' ? tlsArgs(folder) : [])]
    await using hub = await startHub({ args: settings, env: KEYS })
    using reader = readFrom(network, `${scheme}://${network.host}:${hub.port}/topics/t`, args)
    await reader.until('tailrace.live')
    network.vanish()
    expect(await hub.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(hub.output()).toContain('stopped')
  })
})

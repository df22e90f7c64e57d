import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestSecurely } from 'node:https'
import { text } from 'node:stream/consumers'
import { freePort, makeCertificate, openStream, startHub, tempDir } from '@tailrace/testkit'
import type { Certificate, HubOptions, HubProcess, Service, StreamReader } from '@tailrace/testkit'

/** Where a proxy runs, and for whom. */
export interface Place {
  readonly folder: string
  readonly certificate: Certificate
  readonly port: number
  readonly hubPort: number
  /** How long a stream may be silent; as the file has it when not given. */
  readonly idleSeconds: number | undefined
}

/** A kind of proxy, as one of the files in `examples/02-proxies` configures it. */
export interface Proxy {
  readonly scheme: 'http' | 'https'
  /** What it does with a reader when it does not reach the hub. Both times an `EventSource` comes back. */
  readonly whenHubIsAway: 'answers' | 'hangs up'
  start(place: Place): Promise<Service>
}

/** A hub, and a proxy before it. */
export interface Proxied extends AsyncDisposable {
  /** Of the proxy. */
  readonly url: string
  readonly port: number
  readonly certificate: Certificate
  readonly hub: HubProcess
  openStream(topic: string, headers?: Record<string, string>): Promise<StreamReader>
  /** Publishes through the proxy. Resolves with the status. */
  publish(topic: string, data: string): Promise<number>
  stopProxy(): Promise<void>
  startProxy(): Promise<void>
  /** On the same port, with the same log. */
  startHub(): Promise<void>
}

export interface ProxiedOptions {
  readonly idleSeconds?: number | undefined
  readonly hubArgs?: readonly string[] | undefined
  readonly hubEnv?: Record<string, string> | undefined
}

export async function startProxied(
  proxy: Proxy,
  { idleSeconds, hubArgs = [], hubEnv }: ProxiedOptions = {},
): Promise<Proxied> {
  const dir = tempDir()
  const certificate = makeCertificate(dir.path)
  const ca = certificate.pem
  const hubOptions: HubOptions = {
    log: `sqlite:${dir.path}/log.db`,
    port: await freePort(),
    args: ['--trust-proxy', '127.0.0.1', ...hubArgs],
    env: hubEnv,
  }
  let hub = await startHub(hubOptions)
  const port = await freePort()
  const url = `${proxy.scheme}://localhost:${port}`
  const place: Place = { folder: dir.path, certificate, port, hubPort: hub.port, idleSeconds }
  let service: Service | undefined

  async function startProxy(): Promise<void> {
    service = await proxy.start(place)
  }
  async function dispose(): Promise<void> {
    await service?.[Symbol.asyncDispose]()
    await hub[Symbol.asyncDispose]()
    dir[Symbol.dispose]()
  }

  try {
    await startProxy()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    url,
    port,
    certificate,
    get hub() {
      return hub
    },
    openStream: (topic, headers) => openStream(`${url}/topics/${topic}`, { ca, headers }),
    async publish(topic, data) {
      const options = { method: 'POST', agent: false as const, ca }
      const sent = (proxy.scheme === 'https' ? requestSecurely : request)(`${url}/topics/${topic}`, options)
      sent.end(data)
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      await text(answer)
      return answer.statusCode!
    },
    stopProxy: () => service!.stop(),
    startProxy,
    async startHub() {
      hub = await startHub(hubOptions)
    },
    [Symbol.asyncDispose]: dispose,
  }
}

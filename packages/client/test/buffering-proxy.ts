import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'

export interface BufferingProxy extends AsyncDisposable {
  readonly url: string
  readonly seen: string[]
  isBuffering: boolean
}

/** A proxy that passes a response on once it has all of it, as those do that buffer: a stream never comes. */
export async function startBufferingProxy(target: string): Promise<BufferingProxy> {
  const seen: string[] = []
  const proxy = { isBuffering: true, seen }
  const server = createServer((request, response) => {
    const accept = request.headers.accept ?? ''
    seen.push(accept)
    const options = { method: request.method, headers: request.headers }
    const onward = httpRequest(`${target}${request.url}`, options, (answer) => {
      const send = (): void => void response.writeHead(answer.statusCode!, answer.headers)
      if (!proxy.isBuffering) {
        send()
        answer.pipe(response)
        return
      }
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        send()
        response.end(Buffer.concat(chunks))
      })
    })
    response.on('close', () => onward.destroy())
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  })
}

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'

/** What an application does with a request for which it uses `@tailrace/http/node`. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>

type Listener = (...args: Parameters<RequestListener>) => unknown

/** Applications that serve every path with one handler, written as in `docs/guides/frameworks.md`. */
export const FRAMEWORKS: Readonly<Record<string, (serve: Serve) => Listener | Promise<Listener>>> = {
  'node:http': (serve) => serve,
  Express: (serve) => express().use('/mounted', (request, response) => serve(request, response)),
  Fastify: async (serve) => {
    const app = fastify()
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.all('/*', async (request, reply) => {
      reply.hijack()
      await serve(request.raw, reply.raw)
    })
    await app.ready()
    return (request, response) => app.routing(request, response)
  },
  Koa: (serve) =>
    new Koa()
      .use(async (context) => {
        context.respond = false
        await serve(context.req, context.res)
      })
      .callback(),
}

export interface Listening extends AsyncDisposable {
  /** The address of the handler. */
  readonly url: string
  readonly server: Server
}

export async function listen(listener: Listener): Promise<Listening> {
  const server = createServer((request, response) => void listener(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mounted`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

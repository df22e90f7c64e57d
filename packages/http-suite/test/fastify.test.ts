import fastify from 'fastify'
import { testContract } from './contract.ts'
import { APP_ABILITIES } from './ways/app.ts'
import { openNodeApp } from './ways/node-app.ts'
import type { NodeHandlers } from './ways/node-app.ts'
import { onNode } from './ways/version.ts'

testContract({
  id: 'fastify',
  name: 'Fastify',
  versions: onNode('fastify'),
  abilities: APP_ABILITIES,
  open: () =>
    openNodeApp(async (handlers) => {
      const app = fastify()
      // The hub reads bodies itself.
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', (_request, _payload, done) => done(null))
      const route = (name: keyof NodeHandlers): void => {
        app.all(`/${name}`, (request, reply) => {
          reply.hijack()
          void handlers[name](request.raw, reply.raw)
        })
      }
      for (const name of ['events', 'history', 'publish'] as const) route(name)
      await app.ready()
      return (request, response) => app.routing(request, response)
    }),
})

import 'reflect-metadata'
import { All, Controller, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { RequestListener } from 'node:http'
import { testContract } from './contract.ts'
import { APP_ABILITIES } from './ways/app.ts'
import { openNodeApp } from './ways/node-app.ts'
import type { NodeHandlers } from './ways/node-app.ts'
import { onNode } from './ways/version.ts'

/** Decorators are applied as functions, because Node does not read their syntax. */
function controllerOf(handlers: NodeHandlers): new () => NodeHandlers {
  class Streams implements NodeHandlers {
    events = handlers.events
    history = handlers.history
    publish = handlers.publish
  }
  for (const name of ['events', 'history', 'publish'] as const) {
    const descriptor: PropertyDescriptor = { value: handlers[name], writable: true, configurable: true }
    Object.defineProperty(Streams.prototype, name, descriptor)
    Req()(Streams.prototype, name, 0)
    Res()(Streams.prototype, name, 1)
    All(name)(Streams.prototype, name, descriptor)
  }
  Controller()(Streams)
  return Streams
}

testContract({
  id: 'nest',
  name: 'Nest',
  versions: onNode('@nestjs/core', '@nestjs/platform-express'),
  abilities: APP_ABILITIES,
  open: () =>
    openNodeApp(async (handlers) => {
      const controller = controllerOf(handlers)
      // Otherwise, it reads bodies before the hub can.
      const app = await NestFactory.create(
        { module: controller, controllers: [controller] },
        { bodyParser: false, logger: false },
      )
      await app.init()
      return app.getHttpAdapter().getInstance() as RequestListener
    }),
})

import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import { testContract } from './contract.ts'
import { APP_ABILITIES, APP_PATHS } from './ways/app.ts'
import { ORIGIN } from './ways/constants.ts'
import { openServer } from './ways/listening.ts'
import { onNode } from './ways/version.ts'
import { READS_REFUSED_BODIES, webHandlersOf } from './ways/web-app.ts'

const reported = vi.spyOn(console, 'error')

testContract({
  id: 'hono',
  name: 'Hono',
  versions: onNode('hono', '@hono/node-server'),
  abilities: APP_ABILITIES,
  exemptions: READS_REFUSED_BODIES,
  async open() {
    const subject = await openServer((hub) => {
      const { events, history, publish } = webHandlersOf(hub, [ORIGIN])
      const app = new Hono()
        .get('/events', (context) => events(context.req.raw))
        .get('/history', (context) => history(context.req.raw))
        .all('/publish', (context) => publish(context.req.raw))
      return createAdaptorServer(app) as Server
    })
    return { ...subject, paths: APP_PATHS, allowedOrigin: ORIGIN }
  },
})

test('the server reports no error for readers that leave', () => {
  expect(reported).not.toHaveBeenCalled()
})

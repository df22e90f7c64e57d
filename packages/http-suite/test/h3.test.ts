import { createServer } from 'node:http'
import { H3 } from 'h3'
import { toNodeHandler } from 'h3/node'
import { testContract } from './contract.ts'
import { APP_ABILITIES, APP_PATHS } from './ways/app.ts'
import { ORIGIN } from './ways/constants.ts'
import { openServer } from './ways/listening.ts'
import { onNode } from './ways/version.ts'
import { READS_REFUSED_BODIES, webHandlersOf } from './ways/web-app.ts'

testContract({
  id: 'h3',
  name: 'h3',
  versions: onNode('h3'),
  abilities: APP_ABILITIES,
  exemptions: READS_REFUSED_BODIES,
  async open() {
    const subject = await openServer((hub) => {
      const { events, history, publish } = webHandlersOf(hub, [ORIGIN])
      const app = new H3()
        .get('/events', ({ req }) => events(req))
        .get('/history', ({ req }) => history(req))
        .all('/publish', ({ req }) => publish(req))
      return createServer(toNodeHandler(app))
    })
    return { ...subject, paths: APP_PATHS, allowedOrigin: ORIGIN }
  },
})

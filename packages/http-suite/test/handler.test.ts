import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAppGate } from '@tailrace/http'
import { createHandler } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import { testHttp } from '../src/index.ts'

const ORIGIN = 'https://app.example'

testHttp(
  'createHandler in node:http',
  async () => {
    const scripted = createScriptedLog(createMemoryLog())
    const hub = await createHub({ log: scripted.log, heartbeatMs: 300 })
    const gate = createAppGate({
      authorize: () => ({ publish: ['**'], subscribe: ['**'], admin: true }),
      allowOrigins: [ORIGIN],
    })
    const server = createServer(createHandler(hub, { gate, onError: console.error }))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      allowedOrigin: ORIGIN,
      interrupt: async () => scripted.interrupt(),
      restore: async () => scripted.resume(),
      drain: () => hub.drain(0),
      async openStreams(topic) {
        let count = 0
        await hub.survey(({ selectors }) => {
          if (selectors.includes(topic)) count += 1
        })
        return count
      },
      async close() {
        server.close()
        await hub.close()
        server.closeAllConnections()
        await scripted.log.close()
      },
    }
  },
  {
    abilities: [
      'publish', 'history', 'protocol', 'topics', 'connections', 'health', 'origins', 'http1', 'count', 'interrupt', 'drain',
    ],
  },
)

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAppGate } from '@tailrace/http'
import { createHandler } from '@tailrace/http/node'
import { testContract } from './contract.ts'
import { openHub, ORIGIN } from './ways/hub.ts'

testContract({
  id: 'create-handler',
  name: 'createHandler',
  abilities: [
    'publish',
    'history',
    'protocol',
    'topics',
    'connections',
    'health',
    'origins',
    'cors',
    'http1',
    'count',
    'interrupt',
    'drain',
  ],
  async open() {
    const { hub, ...control } = await openHub()
    const gate = createAppGate({
      authorize: () => ({ publish: ['**'], subscribe: ['**'], admin: true }),
      allowOrigins: [ORIGIN],
    })
    const server = createServer(createHandler(hub, { gate, onError: () => undefined }))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      ...control,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      allowedOrigin: ORIGIN,
      async close() {
        server.close()
        await control.close()
        server.closeAllConnections()
      },
    }
  },
})

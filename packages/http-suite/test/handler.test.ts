import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createAppGate } from '@tailrace/http'
import type { Gate } from '@tailrace/http'
import { createHandler } from '@tailrace/http/node'
import { createWebHandler } from '@tailrace/http/web'
import type { HttpAbility } from '../src/index.ts'
import { testContract } from './contract.ts'
import { ORIGIN } from './ways/hub.ts'
import { openServer } from './ways/listening.ts'
import { versionOf } from './ways/version.ts'

const ABILITIES: readonly HttpAbility[] = [
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
]
const onError = (): void => undefined

function gateOf(): Gate {
  return createAppGate({
    authorize: () => ({ publish: ['**'], subscribe: ['**'], admin: true }),
    allowOrigins: [ORIGIN],
  })
}

testContract({
  id: 'create-handler',
  name: '`createHandler`',
  abilities: ABILITIES,
  async open() {
    const subject = await openServer((hub) => createServer(createHandler(hub, { gate: gateOf(), onError })))
    return { ...subject, allowedOrigin: ORIGIN }
  },
})

testContract({
  id: 'create-web-handler',
  name: '`createWebHandler`',
  versions: versionOf('@hono/node-server'),
  abilities: ABILITIES,
  async open() {
    const subject = await openServer((hub) => {
      const handle = createWebHandler(hub, { gate: gateOf(), onError })
      return createServer(getRequestListener((request) => handle(request)))
    })
    return { ...subject, allowedOrigin: ORIGIN }
  },
})

import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createAppGate } from '@tailrace/http'
import type { Gate } from '@tailrace/http'
import { createHandler } from '@tailrace/http/node'
import { createWebHandler } from '@tailrace/http/web'
import type { HttpAbility } from '../src/index.ts'
import { testContract } from './contract.ts'
import { ORIGIN } from './ways/constants.ts'
import { openServer } from './ways/listening.ts'
import { onNode } from './ways/version.ts'
import { READS_REFUSED_BODIES } from './ways/web-app.ts'

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
  versions: onNode('@hono/node-server'),
  abilities: ABILITIES,
  exemptions: READS_REFUSED_BODIES,
  async open() {
    const subject = await openServer((hub) => {
      const handle = createWebHandler(hub, { gate: gateOf(), onError })
      const listen = getRequestListener((request) => handle(request))
      return createServer((request, response) => void listen(request, response))
    })
    return { ...subject, allowedOrigin: ORIGIN }
  },
})

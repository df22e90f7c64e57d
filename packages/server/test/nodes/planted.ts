import { bearer, tokenOf } from '../auth/tokens.ts'
import type { Drill } from './drill.ts'

/** Drills that really lose, repeat and reorder events, to show that this does not go unnoticed. */
export const loseEvents: Drill = {
  name: 'purge a topic',
  mayRefuse: true,
  async run({ deployment, topicOf, acknowledged }) {
    const headers = bearer(await tokenOf({ admin: true, publish: ['**'] }))
    const [hub] = deployment.hubs
    const { status } = await fetch(`${hub!.url}/topics/${topicOf('p0')}`, { method: 'DELETE', headers })
    if (status >= 300) throw new Error(`the purge was answered with ${status}`)
    await acknowledged(40)
  },
}

export const repeatEvent: Drill = {
  name: 'publish an event again, without its key',
  mayRefuse: true,
  async run({ deployment, topicOf, acknowledged }) {
    const headers = bearer(await tokenOf({ publish: ['**'] }))
    const url = `${deployment.hubs[1]!.url}/topics/${topicOf('p1')}`
    const { status } = await fetch(url, { method: 'POST', headers, body: 'p1:3' })
    if (status !== 201) throw new Error(`the publish was answered with ${status}`)
    await acknowledged(40)
  },
}

export const skipEvents: Drill = {
  name: 'publish an event before those that precede it',
  mayRefuse: true,
  async run({ deployment, topicOf, acknowledged }) {
    const headers = bearer(await tokenOf({ publish: ['**'] }))
    const url = `${deployment.hubs[2]!.url}/topics/${topicOf('p2')}`
    const { status } = await fetch(url, { method: 'POST', headers, body: 'p2:9000' })
    if (status !== 201) throw new Error(`the publish was answered with ${status}`)
    await acknowledged(40)
  },
}

export const refusePublisher: Drill = {
  name: 'stop all hubs at once',
  mayRefuse: false,
  async run({ deployment, refused }) {
    await Promise.all(deployment.hubs.map((hub) => hub.stop()))
    while (refused() === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    await Promise.all(deployment.hubs.map((hub) => hub.start()))
  },
}

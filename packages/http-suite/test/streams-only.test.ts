import { createServer } from 'node:http'
import { serve } from '@tailrace/http/node'
import type { Hub } from '@tailrace/hub'
import { testHttp, topicQuery } from '../src/index.ts'
import { chosen } from './ways/app.ts'
import { openServer } from './ways/listening.ts'

testHttp(
  'an application that serves streams, and publishes by itself',
  async () => {
    let own: Hub
    const subject = await openServer((hub) => {
      own = hub
      return createServer((request, response) => void serve(hub, request, response, chosen(request.url!)))
    })
    return {
      ...subject,
      paths: { stream: (topics, query) => `/?${topicQuery(topics, query)}` },
      async publish(events) {
        const published = await own.publish(events)
        return published.map(({ id }) => id)
      },
    }
  },
  { abilities: ['http1'] },
)

import { createHub } from '@tailrace/hub'
import { HEARTBEAT_MS, ORIGIN } from '../constants.ts'
import { countStreams } from '../count-streams.ts'
import { webHandlersOf } from '../web-app.ts'

/** An application as one function, for runtimes that serve one. `/control` is for the test that started it. */
export async function createFetch(log: string): Promise<(request: Request) => Promise<Response>> {
  const hub = await createHub({ log, heartbeatMs: HEARTBEAT_MS })
  const { events, history, publish } = webHandlersOf(hub, [ORIGIN])
  return async (request) => {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/events':
        return events(request)
      case '/history':
        return history(request)
      case '/publish':
        return publish(request)
      case '/control/streams':
        return Response.json(await countStreams(hub, searchParams.get('topic')!))
      case '/control/drain':
        await hub.drain(0)
        return Response.json('drained')
      default:
        return new Response('Not found', { status: 404 })
    }
  }
}

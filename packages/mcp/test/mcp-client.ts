import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js'

/** A client that writes down the numbers that it is notified of. */
export interface Counter extends AsyncDisposable {
  readonly client: Client
  readonly session: string
  readonly numbers: readonly unknown[]
  /** Ends the session. */
  terminate(): Promise<void>
}

/** Connects. Resolves when the standalone stream is open. */
export async function connectCounter(url: string, onNumber?: (data: unknown) => void): Promise<Counter> {
  const numbers: unknown[] = []
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    // Quickly, and until the test is over.
    reconnectionOptions: {
      initialReconnectionDelay: 10,
      maxReconnectionDelay: 50,
      reconnectionDelayGrowFactor: 1.5,
      maxRetries: 10_000,
    },
    async fetch(given, init) {
      const response = await fetch(given, init)
      if (init?.method === 'GET' && response.ok) open()
      return response
    },
  })
  const client = new Client({ name: 'counter', version: '1.0.0' })
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params: { data } }) => {
    numbers.push(data)
    onNumber?.(data)
  })
  await client.connect(transport)
  await opened
  return {
    client,
    session: transport.sessionId!,
    numbers,
    terminate: () => transport.terminateSession(),
    [Symbol.asyncDispose]: () => client.close(),
  }
}

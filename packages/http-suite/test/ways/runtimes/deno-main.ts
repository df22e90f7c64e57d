import { createFetch } from './fetch-app.ts'

interface DenoListening {
  onListen(address: { readonly port: number }): void
  readonly hostname: string
  readonly port: number
}

declare const Deno: {
  serve(options: DenoListening, fetch: (request: Request) => Promise<Response>): unknown
}

const fetch = await createFetch(process.argv[2]!)
Deno.serve(
  { hostname: '127.0.0.1', port: 0, onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`) },
  fetch,
)

import { createFetch } from './fetch-app.ts'

interface BunServer {
  readonly port: number
}

declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    fetch(request: Request): Promise<Response>
  }): BunServer
}

const fetch = await createFetch(process.argv[2]!)
// By default, Bun closes connections that are silent for ten seconds, before the first heartbeat of a default hub.
const { port } = Bun.serve({ hostname: '127.0.0.1', port: 0, idleTimeout: 60, fetch })
console.log(`http://127.0.0.1:${port}`)

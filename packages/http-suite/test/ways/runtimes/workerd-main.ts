import { createFetch } from './fetch-app.ts'

/** One object for all requests: elsewhere, a Worker may not write to the response of another request. */
export class Events {
  readonly #fetch = createFetch('memory:')

  async fetch(request: Request): Promise<Response> {
    const handle = await this.#fetch
    return handle(request)
  }
}

interface Env {
  readonly EVENTS: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
}

const worker = {
  fetch: (request: Request, env: Env): Promise<Response> => env.EVENTS.getByName('all').fetch(request),
}
// oxlint-disable-next-line import/no-default-export -- what a Worker is
export default worker

import type { Subscription } from '@tailrace/hub'
import type { Call, StreamRequest } from './call.ts'
import type { HeaderFields, RequestHead } from './exchange.ts'

/** The handling of one method of a path. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** A path, such as `/topics`. With `/*` at its end: every path with that prefix. */
  readonly path: string
  /** For requests for which the route does not hold, the path does not exist. @defaultValue it holds for all */
  readonly holds?: ((head: RequestHead) => boolean) | undefined
  /**
   * `anyone`: the client is not identified. `admin`: the client must be an administrator. @defaultValue `client`: the
   * handler asks the gate
   */
  readonly access?: 'anyone' | 'client' | 'admin' | undefined
  /** Query parameters of a request that writes. @defaultValue none */
  readonly parameters?: ReadonlySet<string> | undefined
  /**
   * Answers a `GET` with a stream. With HTTP/1.1, this bypasses `node:http`, so `read` must be pure, and depend only on
   * the request. Requests for which it returns undefined are passed to `handle`.
   *
   * @throws HttpError or LogError, from `read`
   */
  readonly stream?:
    | { readonly headers: HeaderFields; read(request: StreamRequest): Subscription | undefined }
    | undefined
  /**
   * @defaultValue requests that are not for the stream are rejected
   * @throws HttpError, HubError or LogError, which become the answer
   */
  readonly handle?: ((call: Call) => Promise<void>) | undefined
}

/** The routes of a path, by method, in the order of their table. */
export interface Found {
  readonly methods: ReadonlyMap<string, Route>
  /** The part of the path that the `*` stands for. */
  readonly rest: string | undefined
}

/** Finds the routes of a path. The longest matching prefix counts. */
export class RouteTable {
  readonly #paths = new Map<string, Map<string, Route>>()
  readonly #prefixes: readonly string[]

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const methods = this.#paths.get(route.path) ?? new Map<string, Route>()
      this.#paths.set(route.path, methods.set(route.method, route))
    }
    const prefixes = [...this.#paths.keys()]
      .filter((path) => path.endsWith('/*'))
      .map((path) => path.slice(0, -1))
    this.#prefixes = prefixes.toSorted((a, b) => b.length - a.length)
  }

  find(path: string): Found | undefined {
    // A request for the pattern itself is not a request for a path.
    const exact = path.endsWith('/*') ? undefined : this.#paths.get(path)
    if (exact !== undefined) return { methods: exact, rest: undefined }
    const prefix = this.#prefixes.find((one) => path.startsWith(one))
    if (prefix === undefined) return undefined
    return { methods: this.#paths.get(`${prefix}*`)!, rest: path.slice(prefix.length) }
  }
}

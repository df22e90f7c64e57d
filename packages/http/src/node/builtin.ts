import type * as Http from 'node:http'

/**
 * `node:http`. An `import` would read everything that it exports, and one of that is the `WebSocket` of undici: undici
 * alone takes a fifth of the time in which a hub starts.
 */
export const http: typeof Http = process.getBuiltinModule('node:http')

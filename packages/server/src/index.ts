export { follow, type FollowOptions } from './follow/follow.ts'
export type { Journal } from './observe/journal.ts'
export { startServer, type GateParts, type Running, type ServerOptions } from './start-server.ts'

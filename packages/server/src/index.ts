export { follow, type FollowOptions } from './follow/follow.ts'
export { createHandler, type Handler, type HandlerOptions } from './http/handler.ts'
export { takeStreams } from './http/front.ts'
export { createHttpServer, type ServerLimits } from './http/server.ts'

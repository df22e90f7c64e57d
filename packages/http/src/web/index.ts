export { createWebHandler, type WebHandler, type WebHandlerOptions } from './handler.ts'
export { createWebSink, type WebSink } from './sink.ts'
export { respond, respondHistory, respondPublish, respondStream } from './respond.ts'

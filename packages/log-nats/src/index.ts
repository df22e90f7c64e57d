export { openNatsLog, type NatsLogOptions } from './nats-log.ts'

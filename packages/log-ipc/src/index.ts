export { openIpcLog, type IpcLogOptions } from './ipc-log.ts'
export { serveLog, type LogServer } from './serve-log.ts'

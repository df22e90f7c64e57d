import { createMemoryLog, openSqliteLog } from '@tailrace/log'
import { serveLog } from '../src/index.ts'

const [path, file] = process.argv.slice(2) as [string, string?]
const log = file === undefined ? createMemoryLog() : await openSqliteLog({ path: file })
await serveLog(log, path)
process.on('SIGTERM', () => process.exit())
process.on('message', () => process.send!(process.cpuUsage()))
process.send!('ready')

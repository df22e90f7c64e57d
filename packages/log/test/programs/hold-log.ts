import { openSqliteLog } from '@tailrace/log'

// Opens the log named by its argument, says so, and holds it until it is killed.

const log = await openSqliteLog({ path: process.argv[2]! })
await log.append([{ topic: 'a', data: 'held' }])
console.log('open')

import { execve } from 'node:process'
import { fileURLToPath } from 'node:url'

// Becomes `tailrace` with a limit of open files, as a service manager would start it. A shell is needed for
// that: Node has no call that lowers its own limit, and raises it to the hard one when it starts.
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const node = [process.execPath, ...process.execArgv, MAIN, ...process.argv.slice(2)]

execve!('/bin/sh', ['sh', '-c', 'ulimit -n "$OPEN_FILES" && exec "$@"', 'sh', ...node], process.env)

import { createHub } from '@tailrace/hub'

// Produces a stream on a log, and prints each event when it is durable, until it is killed.

const hub = await createHub({ log: process.argv[2]! })
const writer = hub.stream('t')
for (let i = 0; ; i += 1) {
  await writer.write(`token ${i}`)
  await writer.flush()
  console.log(i)
}

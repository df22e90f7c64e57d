import { createHub } from '@tailrace/hub'

// Keeps 50 streams open on a log, one after another ending and followed by the next, until it is killed. For each that is
// durable up to a token, or ended, it prints the topic and the number of tokens, or the word `end` after it.

const [url, prefix] = process.argv.slice(2)
const hub = await createHub({ log: url! })

async function produce(topic: string): Promise<void> {
  const writer = hub.stream(topic)
  const length = Math.floor(Math.random() * 60)
  for (let n = 1; n <= length; n += 1) {
    await writer.write(`${n}`)
    if (Math.random() < 0.2) {
      await writer.flush()
      console.log(`${topic} ${n}`)
    }
  }
  await writer.end()
  console.log(`${topic} ${length} end`)
}

async function produceForever(i: number): Promise<never> {
  for (let generation = 0; ; generation += 1) await produce(`${prefix}/${i}/${generation}`)
}

await Promise.all(Array.from({ length: 50 }, (_, i) => produceForever(i)))

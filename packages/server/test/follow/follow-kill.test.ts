import { appendFileSync, copyFileSync, existsSync, renameSync, statSync, truncateSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { createRandom, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { startBench } from './follower.ts'

const ROUNDS = 15

test(
  `${ROUNDS} rounds of kill -9 while the file grows and is rotated: every line once, in order`,
  { timeout: 60_000 },
  async () => {
    const seed = testSeed()
    console.log(`seed ${seed}`)
    const random = createRandom(seed)
    await using bench = await startBench()
    const { file } = bench
    const written: string[] = []
    let rotations = 0

    function write(): void {
      const line = `${written.length} ${'é'.repeat(random.int(0, 40))}`
      written.push(line)
      // In two writes at times, so that readers see half a line.
      const cut = random.chance(0.1) ? random.int(0, line.length) : line.length
      appendFileSync(file, line.slice(0, cut))
      appendFileSync(file, `${line.slice(cut)}\n`)
    }

    function rotate(): void {
      rotations += 1
      for (let n = rotations; n > 0; n -= 1) {
        if (existsSync(`${file}.${n}`)) renameSync(`${file}.${n}`, `${file}.${n + 1}`)
      }
      if (random.chance(0.5)) return renameSync(file, `${file}.1`)
      copyFileSync(file, `${file}.1`)
      truncateSync(file)
    }

    const done = new AbortController()
    async function writer(): Promise<void> {
      let sinceRotation = 0
      let next = 0
      while (!done.signal.aborted) {
        await setImmediate()
        if (performance.now() < next) continue
        next = performance.now() + random.int(0, 4)
        write()
        sinceRotation += 1
        // Far enough apart for files to be written at different times, as the kernel tells time.
        if (sinceRotation < 40 || !random.chance(0.02)) continue
        rotate()
        sinceRotation = 0
      }
    }
    // A first follower begins with what is at the path, not with what was rotated before it.
    write()
    const first = bench.follow()
    await bench.expectPublished(written)
    await first.kill('SIGKILL')
    const writing = writer()

    let output = ''
    for (let round = 0; round < ROUNDS; round += 1) {
      const follower = bench.follow()
      const enough = written.length + random.int(50, 450)
      await expect.poll(() => written.length, { timeout: 20_000, interval: 1 }).toBeGreaterThan(enough)
      await follower.kill('SIGKILL')
      output += follower.output()
    }
    done.abort()
    await writing
    if (!existsSync(file) || statSync(file).size === 0) write()
    const last = bench.follow()
    await bench.expectPublished(written, 20_000).catch(async (error: unknown) => {
      const published = await bench.published()
      const at = written.findIndex((line, i) => published[i] !== line)
      throw new Error(
        `seed ${seed}: line ${at} of ${written.length}; got ${JSON.stringify(published.slice(at, at + 3))}`,
        { cause: error },
      )
    })
    expect(output + last.output()).toBe('')
    expect(rotations).toBeGreaterThan(5)
  },
)

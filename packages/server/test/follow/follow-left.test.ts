import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { expect, test } from 'vitest'
import { startBench, tick } from './follower.ts'

const HOUR = 3600

test('a rotated file that was read is not read again for the time it has', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(`${file}.5`, 'older than all\n')
  setTime(`${file}.5`, HOUR)
  writeFileSync(file, 'a1\na2\n')
  const first = bench.follow()
  await bench.expectPublished(['a1', 'a2'])
  renameSync(file, `${file}.1`)
  writeFileSync(file, 'b1\n')
  await bench.expectPublished(['a1', 'a2', 'b1'])
  setTime(`${file}.1`, 2 * HOUR)
  renameSync(`${file}.1`, `${file}.2`)
  renameSync(file, `${file}.1`)
  writeFileSync(file, 'c1\n')
  await bench.expectPublished(['a1', 'a2', 'b1', 'c1'])
  await first.kill()
  renameSync(file, `${file}.0`)
  writeFileSync(file, 'd1\n')
  const second = bench.follow()
  await bench.expectPublished(['a1', 'a2', 'b1', 'c1', 'd1'])
  expect(first.output() + second.output()).toBe('')
})

test('what a late worker writes to a file that was left is published once, at the next rotation', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'z1\nz2\n')
  const follower = bench.follow()
  await bench.expectPublished(['z1', 'z2'])
  renameSync(file, `${file}.1`)
  writeFileSync(file, 'a1\n')
  await bench.expectPublished(['z1', 'z2', 'a1'])
  appendFileSync(`${file}.1`, 'z3\nhalf a li')
  renameSync(`${file}.1`, `${file}.2`)
  renameSync(file, `${file}.1`)
  writeFileSync(file, 'b1\n')
  await bench.expectPublished(['z1', 'z2', 'a1', 'z3', 'b1'])
  appendFileSync(`${file}.2`, 'ne\n')
  renameSync(`${file}.2`, `${file}.3`)
  renameSync(`${file}.1`, `${file}.2`)
  renameSync(file, `${file}.1`)
  writeFileSync(file, 'c1\n')
  await bench.expectPublished(['z1', 'z2', 'a1', 'z3', 'b1', 'half a line', 'c1'])
  expect(follower.output()).toBe('')
})

for (const [name, seconds] of [
  ['as', 0],
  ['an hour before', -HOUR],
] as const) {
  test(`a file that was written ${name} the one before it is published`, async () => {
    await using bench = await startBench()
    const { file } = bench
    writeFileSync(file, 'a1\n')
    const first = bench.follow()
    await bench.expectPublished(['a1'])
    await first.kill('SIGKILL')
    renameSync(file, `${file}.2`)
    const { mtimeMs } = statSync(`${file}.2`)
    const time = Math.floor(mtimeMs / 1000)
    utimesSync(`${file}.2`, time, time)
    writeFileSync(`${file}.1`, 'b1\n')
    utimesSync(`${file}.1`, time + seconds, time + seconds)
    writeFileSync(file, 'c1\n')
    const second = bench.follow()
    await bench.expectPublished(['a1', 'b1', 'c1'])
    expect(second.output()).toBe('')
  })
}

test('files that were written at the same time come by their numbers', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'a1\n')
  const first = bench.follow()
  await bench.expectPublished(['a1'])
  await first.kill()
  renameSync(file, `${file}.11`)
  for (const n of [2, 10, 9, 1]) {
    writeFileSync(`${file}.${n}`, `${n}\n`)
    utimesSync(`${file}.${n}`, 1_700_000_000, 1_700_000_000)
  }
  writeFileSync(file, 'c1\n')
  const second = bench.follow()
  await bench.expectPublished(['a1', '10', '9', '2', '1', 'c1'])
  expect(second.output()).toBe('')
})

test('a file that was left is not taken for a copy of one that begins with the same line', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'time,level\nold1\nold2\n')
  const follower = bench.follow()
  await bench.expectPublished(['time,level', 'old1', 'old2'])
  renameSync(file, `${file}.1`)
  writeFileSync(file, 'time,level\n')
  await bench.expectPublished(['time,level', 'old1', 'old2', 'time,level'])
  truncateSync(file)
  await expect.poll(() => follower.output()).toMatch(/lines may be missing/)
  appendFileSync(file, 'time,level\nn1\n')
  await bench.expectPublished(['time,level', 'old1', 'old2', 'time,level', 'time,level', 'n1'])
})

test('a copy that is written over the last one is a copy, although that one was left', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'a1\n')
  const first = bench.follow()
  await bench.expectPublished(['a1'])
  copyFileSync(file, `${file}.1`)
  writeFileSync(file, 'b1 is longer\n')
  await bench.expectPublished(['a1', 'b1 is longer'])
  await first.kill()
  appendFileSync(file, 'b2\n')
  writeFileSync(`${file}.1`, readFileSync(file))
  writeFileSync(file, 'c1\n')
  const second = bench.follow()
  await bench.expectPublished(['a1', 'b1 is longer', 'b2', 'c1'])
  expect(first.output() + second.output()).toBe('')
})

test('files that are all the same are each published', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'ready\n')
  const first = bench.follow()
  await bench.expectPublished(['ready'])
  await first.kill()
  renameSync(file, `${file}.3`)
  for (const path of [`${file}.2`, `${file}.1`, file]) {
    await tick(file)
    writeFileSync(path, 'starting\n')
  }
  const second = bench.follow()
  await bench.expectPublished(['ready', 'starting', 'starting', 'starting'])
  expect(second.output()).toBe('')
})

test('a file that was compressed before anybody read it is told of while following', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'a1\n')
  const follower = bench.follow()
  await bench.expectPublished(['a1'])
  // No next file yet, until all is in place: a follower whose hub is away finds it like this.
  renameSync(file, `${file}.2`)
  writeFileSync(`${file}.1.gz`, 'no text')
  setTime(`${file}.1.gz`, HOUR)
  writeFileSync(file, 'c1\n')
  await bench.expectPublished(['a1', 'c1'])
  expect(follower.output()).toBe(`tailrace: ${file}.1.gz is compressed: its lines are not published\n`)
  renameSync(`${file}.1.gz`, `${file}.2.gz`)
  renameSync(`${file}.2`, `${file}.3`)
  renameSync(file, `${file}.1`)
  writeFileSync(file, 'd1\n')
  await bench.expectPublished(['a1', 'c1', 'd1'])
  expect(follower.output()).toMatch(/^.*its lines are not published\n$/)
})

for (const keeps of [true, false]) {
  test(`a file that was read and then compressed is not told of, when its time is ${keeps ? 'kept' : 'lost'}`, async () => {
    await using bench = await startBench()
    const { file } = bench
    writeFileSync(`${file}.1.gz`, 'older than all')
    writeFileSync(file, 'a1\n')
    const follower = bench.follow()
    await bench.expectPublished(['a1'])
    renameSync(`${file}.1.gz`, `${file}.2.gz`)
    renameSync(file, `${file}.1`)
    writeFileSync(file, 'b1\n')
    await bench.expectPublished(['a1', 'b1'])
    renameSync(`${file}.2.gz`, `${file}.3.gz`)
    const { atime, mtime } = statSync(`${file}.1`)
    writeFileSync(`${file}.2.gz`, 'no text')
    if (keeps) utimesSync(`${file}.2.gz`, atime, mtime)
    else setTime(`${file}.2.gz`, HOUR)
    rmSync(`${file}.1`)
    renameSync(file, `${file}.1`)
    writeFileSync(file, 'c1\n')
    await bench.expectPublished(['a1', 'b1', 'c1'])
    expect(follower.output()).toBe('')
  })
}

test('a file that was unpacked is not read again', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(`${file}.1.gz`, 'no text')
  utimesSync(`${file}.1.gz`, 1_700_000_000, 1_700_000_000)
  writeFileSync(file, 'a1\n')
  const first = bench.follow()
  await bench.expectPublished(['a1'])
  rmSync(`${file}.1.gz`)
  writeFileSync(`${file}.1`, 'older than all\n')
  utimesSync(`${file}.1`, 1_700_000_000, 1_700_000_000)
  for (const [n, line] of [
    [2, 'b1'],
    [3, 'c1'],
  ] as const) {
    renameSync(file, `${file}.${n}`)
    writeFileSync(file, `${line}\n`)
    await bench.expectPublished(['a1', 'b1', 'c1'].slice(0, n))
  }
  expect(first.output()).toBe('')
})

test('a state of the first version is read on, with what was rotated since', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(`${file}.7`, 'older than all\n')
  utimesSync(`${file}.7`, 1_700_000_000, 1_700_000_000)
  writeFileSync(file, 'a1\n')
  const first = bench.follow()
  await bench.expectPublished(['a1'])
  await first.kill()
  const { known, ...state } = JSON.parse(readFileSync(`${file}.tailrace`, 'utf8')) as {
    known: unknown
    file: { birth?: string }
    prints: { offset: number; length: number; sha256: string }[]
  }
  expect(known).toBeDefined()
  delete state.file.birth
  // sha256 of "a1": the line without its end.
  const sha256 = 'f55ff16f66f43360266b95db6f8fec01d76031054306ae4a4b380598f6cfd114'
  const prints = Array.from({ length: 2 }, () => ({ offset: 0, length: 2, sha256 }))
  writeFileSync(`${file}.tailrace`, JSON.stringify({ ...state, version: 1, prints }))
  appendFileSync(file, 'a2\n')
  renameSync(file, `${file}.2`)
  writeFileSync(`${file}.1`, 'b1\n')
  setTime(`${file}.1`, HOUR)
  writeFileSync(file, 'c1\n')
  const second = bench.follow()
  await bench.expectPublished(['a1', 'a2', 'b1', 'c1'])
  expect(second.output()).toBe('')
})

/** Sets when a file was written, in seconds from now. */
function setTime(path: string, seconds: number): void {
  const time = Date.now() / 1000 + seconds
  utimesSync(path, time, time)
}

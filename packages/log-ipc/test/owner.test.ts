import { createServer } from 'node:net'
import { join } from 'node:path'
import { createMemoryLog, LogError, openLog } from '@tailrace/log'
import { expectRejection } from '@tailrace/log-suite'
import { createScriptedLog, tempDir } from '@tailrace/testkit'
import { expect, onTestFinished, test } from 'vitest'

import { serveLog } from '../src/index.ts'
import { follow } from './follow.ts'
import { freeSocket, open, serve } from './owned.ts'
import { startOwner } from './programs.ts'
import { publishUntilStored } from './publish-until-stored.ts'
import { readAll } from './reading.ts'

test('an interruption of its log reaches all nodes, with its reason, and so does its end', async () => {
  const scripted = createScriptedLog(createMemoryLog())
  const { url } = await serve(scripted.log)
  const nodes = [await open(url), await open(url)]
  const followed = await Promise.all(nodes.map(follow))
  scripted.interrupt(new LogError('unreachable', 'the disk is gone'))
  for (const { states } of followed) await expect.poll(() => states).toEqual(['unreachable'])
  // A node that comes now waits too.
  const late = await open(url)
  for (const node of [...nodes, late]) {
    expect((await expectRejection(node.describe(), 'unreachable')).message).toBe('the disk is gone')
  }
  scripted.resume()
  for (const { states } of followed) await expect.poll(() => states).toEqual(['unreachable', 'resumed'])
  await expect.poll(() => late.ready().then(() => 'ready', String)).toBe('ready')
})

test('the end of its log is the end of the log of every node', async () => {
  const scripted = createScriptedLog(createMemoryLog())
  const { url } = await serve(scripted.log)
  const node = await open(url)
  const followed = await follow(node)
  scripted.fail(new LogError('replaced', 'another log is there'))
  await expect.poll(() => followed.failures.map(({ message }) => message)).toEqual(['another log is there'])
  await expectRejection(node.describe(), 'replaced')
})

test('another log in its place is opened by nodes that opened it from its URL', async () => {
  const path = freeSocket()
  const first = await serveLog(createMemoryLog(), path)
  const log = await openLog(`ipc:${path}`)
  onTestFinished(() => log.close())
  const followed = await follow(log)
  const { epoch } = await log.describe()
  await first.close()
  const second = await serveLog(createMemoryLog(), path)
  onTestFinished(() => second.close())
  await expect.poll(() => followed.failures.map(({ code }) => code)).toEqual(['replaced'])
  await expect.poll(() => log.describe().catch(() => ({ epoch }))).not.toMatchObject({ epoch })
})

test('a node whose owner is away tries again at short intervals, however long that takes', async () => {
  const path = freeSocket()
  const server = await serveLog(createMemoryLog(), path)
  const node = await open(`ipc:${path}`)
  const { states } = await follow(node)
  await server.close()
  await expect.poll(() => states).toEqual(['unreachable'])
  /** Something that listens there, and ends every connection. */
  let attempts = 0
  const impostor = createServer((socket) => {
    attempts += 1
    socket.destroy()
  }).listen(path)
  onTestFinished(() => void impostor.close())
  // Pauses that double would add up to several times what is allowed here.
  await expect.poll(() => attempts, { timeout: 5_000 }).toBeGreaterThan(10)
})

test('completes what it has accepted before it stops', async () => {
  const memory = createMemoryLog()
  const { promise: isOpen, resolve: letThrough } = Promise.withResolvers<void>()
  const { promise: isAsked, resolve: ask } = Promise.withResolvers<void>()
  const path = freeSocket()
  const server = await serveLog(
    {
      ...memory,
      async append(batch) {
        ask()
        await isOpen
        return memory.append(batch)
      },
    },
    path,
  )
  const log = await open(`ipc:${path}`)
  const appended = log.append([{ topic: 'a', data: '' }])
  await isAsked
  const closed = server.close()
  letThrough()
  expect(await appended).toEqual([{ offset: 1, duplicate: false }])
  await closed
})

test('a purge that a killed owner could not report any more is reported by its successor', async () => {
  using dir = tempDir()
  const [socket, file] = [join(dir.path, 'log'), join(dir.path, 'log.db')]
  await using owner = await startOwner(socket, file, true)
  const nodes = [await open(`ipc:${socket}`), await open(`ipc:${socket}`)]
  const followed = await Promise.all(nodes.map(follow))
  const offset = await publishUntilStored(nodes[0]!, 'purged', 'a')
  await publishUntilStored(nodes[0]!, 'kept', 'b')
  await expectRejection(nodes[1]!.retention.purge('a'), 'outcome-unknown')
  await owner.exited
  await using successor = await startOwner(socket, file)
  for (const { purges } of followed) await expect.poll(() => purges).toEqual([['a', offset]])
  expect((await readAll(nodes[0]!)).map(({ data }) => data)).toEqual(['kept'])
  await successor.kill('SIGKILL')
})

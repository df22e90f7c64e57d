import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

import { expect, test } from 'vitest'

import { needs, openHosts, startService, type Host } from '@tailrace/testkit'

const network = needs('network')
const PORT = 4000

/** Answers every line with the address from which it came. */
const ECHO = `
  require('node:net')
    .createServer((socket) => socket.on('data', () => socket.write(socket.remoteAddress + '\\n')))
    .listen(${PORT}, process.argv[1])
`
/** Sends a line for each line of its input, and prints what comes back. */
const ASK = `
  const socket = require('node:net').connect(${PORT}, process.argv[1])
  process.stdin.pipe(socket).pipe(process.stdout)
`

function listenOn(on: Host): ReturnType<typeof startService> {
  return startService({ command: process.execPath, args: ['-e', ECHO, on.address], port: PORT, on })
}

test.skipIf(!network)('hosts see each other, and this machine sees them', async () => {
  using hosts = openHosts(['a', 'b'])
  const [a, b] = [hosts.host('a'), hosts.host('b')]
  await using service = await listenOn(b)
  expect(service.output()).toBe('')
  const [command, ...args] = [...a.prefix, process.execPath, '-e', ASK, b.address]
  const child = spawn(command, args)
  child.stdin.write('who am I\n')
  const [answer] = (await once(child.stdout, 'data')) as [Buffer]
  expect(String(answer)).toBe(`${a.address}\n`)
  child.kill()
  const ours = connect(PORT, b.address)
  ours.write('and I\n')
  await once(ours, 'data')
  ours.destroy()
})

test.skipIf(!network)(
  'what is sent over a way that is cut arrives once it has healed; other ways stay',
  async () => {
    using hosts = openHosts(['a', 'b', 'c'])
    const [a, b, c] = [hosts.host('a'), hosts.host('b'), hosts.host('c')]
    await using service = await listenOn(b)
    expect(hosts.canCut).toBe(true)
    const askFrom = (from: Host): ReturnType<typeof spawn> => {
      const [command, ...args] = [...from.prefix, process.execPath, '-e', ASK, b.address]
      return spawn(command, args)
    }
    const [cut, open] = [askFrom(a), askFrom(c)]
    for (const child of [cut, open]) {
      child.stdin!.write('one\n')
      await once(child.stdout!, 'data')
    }
    hosts.cut('a', 'b')
    const arrived: string[] = []
    cut.stdout!.on('data', () => arrived.push('over the way that was cut'))
    cut.stdin!.write('two\n')
    for (let n = 0; n < 20; n += 1) {
      open.stdin!.write('two\n')
      await once(open.stdout!, 'data')
    }
    expect(arrived).toEqual([])
    hosts.heal('a', 'b')
    await once(cut.stdout!, 'data')
    for (const child of [cut, open]) child.kill()
    expect(service.output()).toBe('')
    expect(await text(cut.stderr!)).toBe('')
  },
)

test('a host that is not there is named', () => {
  using hosts = openHosts(['a'])
  expect(() => hosts.host('b')).toThrow('there is no host b')
})

import { once } from 'node:events'
import { createWriteStream, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Drill, Stage } from './drill.ts'
import type { Machine } from './machine.ts'
import { until } from './until.ts'

/** How long an engine has to recover by itself once there is room again. */
const RECOVERY_MS = 30_000
/** Events that are acknowledged after each step of a drill. */
const SOME = 40

const nameOf = ({ host }: Machine): string => host.name

/** Resolves once it answers that it is ready. */
async function ready(hub: Machine): Promise<void> {
  await until(`${nameOf(hub)} is ready`, async () => (await statusOf(hub)) === 200)
}

/** Of `/readyz`; 0 if there is no answer. */
async function statusOf(hub: Machine): Promise<number> {
  try {
    const { status } = await fetch(`${hub.url}/readyz`, { signal: AbortSignal.timeout(1_000) })
    return status
  } catch {
    return 0
  }
}

/** Kills it; its service manager starts it again. */
async function kill(machine: Machine): Promise<void> {
  const before = machine.exits
  machine.kill()
  await until(`${nameOf(machine)} is back`, () => machine.exits > before && machine.isRunning)
}

async function cut(
  { deployment: { hosts }, note, acknowledged }: Stage,
  pairs: readonly [Machine | string, string][],
  ms: number,
): Promise<void> {
  const named = pairs.map(([one, other]) => [typeof one === 'string' ? one : nameOf(one), other] as const)
  note(`cuts ${named.map((pair) => pair.join(' off from ')).join(', ')} for ${ms} ms`)
  for (const [one, other] of named) hosts.cut(one, other)
  await delay(ms)
  for (const [one, other] of named) hosts.heal(one, other)
  note('heals it')
  await acknowledged(SOME)
}

/** Restarts a hub as a deploy does: SIGTERM, drain, start. Resolves once the load balancer uses it. */
async function roll(stage: Stage, hub: Machine): Promise<void> {
  stage.note(`restarts ${nameOf(hub)}`)
  await hub.stop()
  await hub.start()
  await ready(hub)
  await stage.deployment.areUp()
  await stage.acknowledged(SOME)
}

const killHub: Drill = {
  name: 'kill -9 a hub',
  mayRefuse: true,
  async run(stage) {
    for (let round = 0; round < 3; round += 1) {
      const hub = stage.random.pick(stage.deployment.hubs)
      stage.note(`kills ${nameOf(hub)}`)
      await kill(hub)
      await ready(hub)
      await stage.acknowledged(SOME)
      await stage.delivered()
    }
  },
}

const freezeHub: Drill = {
  name: 'freeze a hub (SIGSTOP)',
  mayRefuse: true,
  async run(stage) {
    for (const ms of [2_000, 15_000]) {
      const hub = stage.random.pick(stage.deployment.hubs)
      stage.note(`freezes ${nameOf(hub)} for ${ms} ms`)
      hub.freeze()
      await delay(ms)
      hub.thaw()
      stage.note('thaws it')
      await ready(hub)
      await stage.acknowledged(SOME)
      await stage.delivered()
    }
  },
}

const cutFromEngine: Drill = {
  name: 'cut a hub off from the engine',
  needs: 'network',
  mayRefuse: true,
  async run(stage) {
    for (const ms of [3_000, 12_000]) {
      const hub = stage.random.pick(stage.deployment.hubs)
      await cut(stage, [[hub, nameOf(stage.deployment.engine)]], ms)
      await ready(hub)
      await stage.delivered()
    }
  },
}

const cutAllFromEngine: Drill = {
  name: 'cut all hubs off from the engine',
  needs: 'network',
  mayRefuse: true,
  async run(stage) {
    const { hubs, engine } = stage.deployment
    await cut(
      stage,
      hubs.map((hub) => [hub, nameOf(engine)]),
      8_000,
    )
    await stage.delivered()
  },
}

const cutFromReaders: Drill = {
  name: 'cut a hub off from its readers',
  needs: 'network',
  mayRefuse: true,
  async run(stage) {
    for (const ms of [3_000, 12_000]) {
      const hub = stage.random.pick(stage.deployment.hubs)
      await cut(stage, [[hub, 'proxy']], ms)
      await stage.delivered()
    }
  },
}

const restartEngine: Drill = {
  name: 'restart the engine',
  mayRefuse: true,
  async run(stage) {
    const { engine, hubs } = stage.deployment
    for (const pause of [0, 3_000]) {
      stage.note(`restarts ${nameOf(engine)}, which is away for ${pause} ms`)
      await engine.stop()
      await delay(pause)
      await engine.start()
      await Promise.all(hubs.map(ready))
      await stage.acknowledged(SOME)
      await stage.delivered()
    }
  },
}

const killEngine: Drill = {
  name: 'kill -9 the engine',
  mayRefuse: true,
  async run(stage) {
    const { engine, hubs } = stage.deployment
    for (let round = 0; round < 2; round += 1) {
      stage.note(`kills ${nameOf(engine)}`)
      await kill(engine)
      await Promise.all(hubs.map(ready))
      await stage.acknowledged(SOME)
      await stage.delivered()
    }
  },
}

const freezeEngine: Drill = {
  name: 'freeze the engine (SIGSTOP)',
  mayRefuse: true,
  async run(stage) {
    const { engine, hubs } = stage.deployment
    for (const ms of [2_000, 12_000]) {
      stage.note(`freezes ${nameOf(engine)} for ${ms} ms`)
      engine.freeze()
      await delay(ms)
      engine.thaw()
      stage.note('thaws it')
      await Promise.all(hubs.map(ready))
      await stage.acknowledged(SOME)
      await stage.delivered()
    }
  },
}

const fillDisk: Drill = {
  name: "fill the engine's disk",
  needs: 'mount',
  mayRefuse: true,
  async run(stage) {
    const { disk, hubs, engine } = stage.deployment
    const ballast = join(disk.path, 'ballast')
    const refused = stage.refused()
    const { exits } = engine
    stage.note(`fills the disk of ${nameOf(engine)}`)
    await fill(ballast, disk.path)
    // It may reuse files that it has already. So the disk stays full until somebody notices.
    await until('publishers are refused', () => stage.refused() > refused)
    await delay(2_000)
    rmSync(ballast)
    stage.note(
      `makes room; it has refused ${stage.refused() - refused} attempts, and exited ${engine.exits - exits} times`,
    )
    if (engine.exits > exits) stage.remark(`${nameOf(engine)} exits when its disk is full`)
    if (!(await within(RECOVERY_MS, () => Promise.all(hubs.map(ready))))) {
      stage.remark(
        `${nameOf(engine)} does not recover by itself after its disk was full: it has to be restarted`,
      )
      if (!(await engine.stop())) stage.remark(`${nameOf(engine)} does not exit then, and has to be killed`)
      await engine.start()
    }
    await Promise.all(hubs.map(ready))
    await stage.acknowledged(SOME)
    await stage.delivered()
  },
}

async function within(ms: number, task: () => Promise<unknown>): Promise<boolean> {
  return Promise.race([task().then(() => true), delay(ms, false)])
}

async function fill(file: string, disk: string): Promise<void> {
  const out = createWriteStream(file)
  const { bavail, bsize } = statfsSync(disk)
  const block = Buffer.alloc(2 ** 16)
  // More than there is: it ends with ENOSPC.
  for (let left = bavail * bsize + block.length; left > 0; left -= block.length) out.write(block)
  await once(out, 'error')
}

const jumpClock: Drill = {
  name: 'jump the clock of a hub',
  needs: 'faketime',
  mayRefuse: true,
  async run(stage) {
    const hub = stage.random.pick(stage.deployment.hubs)
    const file = join(stage.deployment.folder, `${nameOf(hub)}.clock`)
    const set = (offset: string): void => writeFileSync(file, `${offset}\n`)
    set('+0')
    stage.note(`gives ${nameOf(hub)} a clock that can be set`)
    await hub.stop()
    await hub.start(fakeClock(file))
    await ready(hub)
    await stage.deployment.areUp()
    for (const offset of ['+3600', '-3600', '+0']) {
      stage.note(`sets it to ${offset} s`)
      set(offset)
      await until(
        'its clock has jumped',
        async () => Math.abs((await secondsAhead(hub)) - Number(offset)) < 60,
      )
      await stage.acknowledged(2 * SOME)
      await stage.delivered()
    }
    await roll(stage, hub)
  },
}

/** Of its clock before ours, as its responses show it. */
async function secondsAhead(hub: Machine): Promise<number> {
  const { headers } = await fetch(`${hub.url}/healthz`)
  return (Date.parse(headers.get('date') ?? '') - Date.now()) / 1000
}

/** Debian's libfaketime, which reads an offset from a file once a second. Time that only passes is left alone. */
function fakeClock(file: string): Record<string, string> {
  return {
    LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}

export const rollHubs: Drill = {
  name: 'roll all hubs',
  mayRefuse: false,
  async run(stage) {
    for (const hub of stage.deployment.hubs) await roll(stage, hub)
    await stage.delivered()
  },
}

export const DRILLS: readonly Drill[] = [
  killHub,
  freezeHub,
  cutFromEngine,
  cutAllFromEngine,
  cutFromReaders,
  restartEngine,
  killEngine,
  freezeEngine,
  fillDisk,
  jumpClock,
  rollHubs,
]

/** A short round of the drills above. */
export const shortRound: Drill = {
  name: 'kill a hub, cut another off from the engine, restart the engine',
  mayRefuse: true,
  async run(stage) {
    const { engine, hosts, hubs } = stage.deployment
    const first = stage.random.int(0, hubs.length - 1)
    const [killed, away] = [hubs[first]!, hubs[(first + 1) % hubs.length]!]
    stage.note(`kills ${nameOf(killed)}`)
    await kill(killed)
    if (hosts.canCut) await cut(stage, [[away, nameOf(engine)]], 3_000)
    stage.note(`restarts ${nameOf(engine)}`)
    await engine.stop()
    await engine.start()
    await Promise.all(hubs.map(ready))
    await stage.acknowledged(SOME)
    await stage.delivered()
  },
}

import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chownSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { freePort, startService, type Service } from './service.ts'
import { tempDir } from './temp.ts'

const run = promisify(execFile)

export interface PostgresOptions {
  /** Off makes commits faster. They still survive the death of every process. @defaultValue true */
  readonly fsync?: boolean | undefined
  /** If given, every connection needs it. Otherwise, everybody on this machine is trusted. */
  readonly password?: string | undefined
  /** A running server that has no password: this one becomes its standby, with a copy of its data. */
  readonly standbyOf?: Postgres | undefined
  /** Further settings, as in `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

/** A PostgreSQL of a test's own, in a temporary folder. */
export interface Postgres extends AsyncDisposable {
  readonly port: number
  /** The database `postgres`, as its superuser `postgres`, with the password if there is one. */
  readonly url: string
  /** Creates a new, empty database. @returns its URL */
  createDatabase(): Promise<string>
  /** Runs SQL as the superuser. @returns what `psql` prints: rows without headers, columns separated by `|` */
  query(sql: string, database?: string): Promise<string>
  /** Ends all sessions and stops. `SIGKILL` is the death of the postmaster, after which its processes exit too. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts again, on the same port, with the same data. @param settings replace those of `startPostgres` */
  start(settings?: PostgresOptions['settings']): Promise<void>
  /** Copies its data, or puts such a copy in place of it. It must be stopped. */
  backUp(): Promise<Backup>
  restore(backup: Backup): Promise<void>
  /** Makes the next start a recovery of its data, as of a backup: it begins another timeline. It must be stopped. */
  recover(): void
  /** The last 64 KiB of what it has logged. */
  output(): string
}

/** The data of a server at some time. */
export interface Backup {
  readonly path: string
}

/** Resolves once it accepts connections. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const { fsync = true, password, standbyOf } = options
  const bin = await folderOfPrograms()
  const dir = tempDir()
  const data = join(dir.path, 'data')
  const port = await freePort()
  const owner = await ownerOfServers()
  if (owner !== undefined) chownSync(dir.path, owner.uid, owner.gid)

  const initialization = [...(owner?.prefix ?? [])]
  if (standbyOf !== undefined) {
    initialization.push(
      join(bin, 'pg_basebackup'),
      `--dbname=${standbyOf.url}`,
      `--pgdata=${data}`,
      '--no-sync',
    )
    initialization.push('--write-recovery-conf', '--checkpoint=fast')
  } else {
    initialization.push(join(bin, 'initdb'), `--pgdata=${data}`, '--username=postgres', '--encoding=UTF8')
    initialization.push('--locale=C', '--no-sync')
    if (password === undefined) {
      initialization.push('--auth=trust')
    } else {
      const file = join(dir.path, 'password')
      writeFileSync(file, password)
      initialization.push('--auth=scram-sha-256', `--pwfile=${file}`)
    }
  }
  const [command = '', ...args] = initialization
  await run(command, args, { cwd: '/' })

  let service: Service | undefined
  let databases = 0
  const credentials = password === undefined ? 'postgres' : `postgres:${encodeURIComponent(password)}`
  const urlOf = (database: string): string => `postgres://${credentials}@127.0.0.1:${port}/${database}`

  async function start(settings = options.settings): Promise<void> {
    const all = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      fsync: fsync ? 'on' : 'off',
      // Without an archive: what is recovered is in the data.
      restore_command: 'false',
      ...settings,
    }
    const words = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const [program = '', ...rest] = [...(owner?.prefix ?? []), join(bin, 'postgres'), '-D', data, ...words]
    service = await startService({ command: program, args: rest, port })
    // It accepts connections before it has recovered from a crash.
    for (;;) {
      try {
        await run(join(bin, 'pg_isready'), ['--dbname', urlOf('postgres')])
        return
      } catch {
        if (service.output().includes('database system is shut down')) {
          throw new Error(`PostgreSQL does not start; its output:\n${service.output()}`)
        }
      }
    }
  }

  async function stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    await service?.stop(signal)
    service = undefined
  }

  async function query(sql: string, database = 'postgres'): Promise<string> {
    const words = [
      '--no-psqlrc',
      '-qAt',
      '--set=ON_ERROR_STOP=1',
      '--dbname',
      urlOf(database),
      '--command',
      sql,
    ]
    return (await run(join(bin, 'psql'), words)).stdout.trimEnd()
  }

  try {
    await start()
  } catch (error) {
    dir[Symbol.dispose]()
    throw error
  }
  return {
    port,
    url: urlOf('postgres'),
    query,
    stop,
    start,
    async createDatabase() {
      databases += 1
      const name = `test_${databases}`
      await query(`CREATE DATABASE ${name}`)
      return urlOf(name)
    },
    async backUp() {
      const path = join(dir.path, `backup-${randomUUID()}`)
      await run('cp', ['-a', data, path])
      return { path }
    },
    async restore({ path }) {
      rmSync(data, { recursive: true })
      await run('cp', ['-a', path, data])
    },
    recover() {
      const signal = join(data, 'recovery.signal')
      writeFileSync(signal, '')
      if (owner !== undefined) chownSync(signal, owner.uid, owner.gid)
    },
    output: () => service?.output() ?? '',
    async [Symbol.asyncDispose]() {
      await stop('SIGQUIT')
      dir[Symbol.dispose]()
    },
  }
}

/** Where the programs of the server are, which Debian keeps out of the path. */
async function folderOfPrograms(): Promise<string> {
  const { stdout } = await run('pg_config', ['--bindir'])
  return stdout.trim()
}

/** PostgreSQL refuses to run as root, so root runs it as the user that its package created. */
async function ownerOfServers(): Promise<{ uid: number; gid: number; prefix: string[] } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  )
  // A change of the user clears the signal that `startService` has asked for.
  const prefix = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--pdeathsig=INT', '--']
  return { uid: uid!, gid: gid!, prefix }
}

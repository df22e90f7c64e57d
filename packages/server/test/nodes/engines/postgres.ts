import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../engine.ts'
import { composeCommand, composeServices, exampleFile } from '../example.ts'

export const postgres: Engine = {
  name: 'postgres',
  title: 'PostgreSQL',
  version: () => execFileSync('pg_config', ['--version'], { encoding: 'utf8' }).trim(),
  diskBytes: 256 * 2 ** 20,
  async prepare({ address }, folder) {
    const bin = execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim()
    const [data, file] = [join(folder, 'data'), join(folder, 'postgresql.conf')]
    const owner = ownerOf(folder)
    const text = exampleFile('postgresql.conf', [["'*'", `'${address}'`]])
    // Debian's folder for sockets is only there while a cluster of Debian's runs.
    writeFileSync(file, `${text}unix_socket_directories = ''\n`)
    chmodSync(file, 0o644)
    // What its image does at the first start, with these variables.
    const { POSTGRES_USER: user = '', POSTGRES_DB: database = '' } =
      composeServices('postgres')['postgres']!.environment!
    const [command = '', ...words] = owner
    const init = ['--pgdata', data, `--username=${user}`, '--auth=trust', '--encoding=UTF8', '--no-sync']
    execFileSync(command, [...words, join(bin, 'initdb'), ...init], { cwd: '/', stdio: 'ignore' })
    appendFileSync(join(data, 'pg_hba.conf'), 'host all all all trust\n')
    execFileSync(command, [...words, join(bin, 'postgres'), '--single', '-D', data, 'postgres'], {
      cwd: '/',
      input: `create database ${database}\n`,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const run = composeCommand('postgres', 'postgres').words.map((word) =>
      word === 'postgres' ? join(bin, 'postgres') : word.replace('/etc/postgresql/postgresql.conf', file),
    )
    // With SIGTERM, it would wait until every hub has left.
    return { words: [...owner, ...run, '-D', data], port: 5432, stopSignal: 'SIGINT' }
  },
}

/** PostgreSQL refuses to run as root. @returns the beginning of a command line that runs as the owner of the folder */
function ownerOf(folder: string): string[] {
  if (process.getuid?.() !== 0) return ['env']
  const [uid = 0, gid = 0] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })),
  )
  chownSync(folder, uid, gid)
  // A change of the user clears the signal that `startService` has asked for.
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--pdeathsig=INT', '--']
}

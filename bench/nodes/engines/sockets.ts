import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Bytes that a server has sent on its open connections so far, as the kernel counts them. */
export async function sentBytes(port: number): Promise<number> {
  const text = await socketsOf(port)
  return [...text.matchAll(/\bbytes_sent:(\d+)/g)].reduce((sum, [, bytes]) => sum + Number(bytes), 0)
}

export async function openConnections(port: number): Promise<number> {
  return [...(await socketsOf(port)).matchAll(/^\S/gm)].length
}

/** A line for each connection, and an indented one with its counters. */
async function socketsOf(port: number): Promise<string> {
  const filter = ['state', 'established', `( sport = :${port} )`]
  const { stdout } = await promisify(execFile)('ss', ['-tinH', ...filter], { maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

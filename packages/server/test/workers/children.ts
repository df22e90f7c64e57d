import { readFileSync } from 'node:fs'

/** A process of a hub, by the name that the hub gives it. */
export interface Child {
  readonly name: string
  readonly pid: number
}

/** The processes that a hub has started and that are there now. */
export function childrenOf(pid: number): Child[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  if (list === '') return []
  return list.split(' ').flatMap((child) => {
    const name = nameOf(Number(child))
    return name === undefined ? [] : [{ name, pid: Number(child) }]
  })
}

export function childOf(pid: number, name: string): Child | undefined {
  return childrenOf(pid).find((child) => child.name === name)
}

export function isThere(pid: number): boolean {
  return nameOf(pid) !== undefined
}

/** Undefined if there is no such process, or only what is left of one. */
function nameOf(pid: number): string | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
    return command.at(-1)
  } catch {
    return undefined
  }
}

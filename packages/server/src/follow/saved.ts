import type { FileId } from './file-id.ts'
import type { Known } from './known.ts'
import type { Place } from './place.ts'
import type { Print } from './print.ts'

type Fields = Readonly<Record<string, unknown>>

/** Reads a position from parsed JSON. Undefined if it is not one. */
export function toPlace(value: unknown): Place | undefined {
  const { generation, file, prints, offset, isSkipping } = fieldsOf(value)
  const id = toFileId(file)
  const isPlace = typeof generation === 'string' && isCount(offset) && typeof isSkipping === 'boolean'
  if (!isPlace || id === undefined || !Array.isArray(prints) || !prints.every(isPrint)) return undefined
  return { generation, file: id, prints, offset, isSkipping }
}

/** Reads the known files from parsed JSON. Undefined if they are not valid. */
export function toKnown(value: unknown): Known | undefined {
  const { left, compressed } = fieldsOf(value)
  if (!Array.isArray(left) || !Array.isArray(compressed)) return undefined
  const [places, files] = [left.map(toPlace), compressed.map(toFileId)]
  if (!places.every((place) => place !== undefined) || !files.every((file) => file !== undefined))
    return undefined
  return { left: places, compressed: files }
}

/** The first version of the state has no time of birth. */
function toFileId(value: unknown): FileId | undefined {
  const { dev, ino, birth = '0', mtime } = fieldsOf(value)
  return isDecimal(dev) && isDecimal(ino) && isDecimal(birth) && isDecimal(mtime)
    ? { dev, ino, birth, mtime }
    : undefined
}

function isPrint(value: unknown): value is Print {
  const { offset, length, sha256 } = fieldsOf(value)
  return isCount(offset) && isCount(length) && typeof sha256 === 'string'
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isDecimal(value: unknown): value is string {
  return typeof value === 'string' && /^-?[0-9]+$/.test(value)
}

function fieldsOf(value: unknown): Fields {
  // `null` and the like have no fields.
  return Object(value) as Fields
}

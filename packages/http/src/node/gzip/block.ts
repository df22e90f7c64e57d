import { Payload } from '@tailrace/hub'
import { CrcStep } from './crc.ts'
import { crcOf } from './deflate.ts'

export const NOTHING: Uint8Array = Buffer.alloc(0)

/** What some readers have in common: the end of what they have received. Once it is released, nothing is known of it. */
export class Past {
  tail: Uint8Array
  /** Its readers had more in common than others, until some of them received more. */
  wasMain = false

  constructor(tail: Uint8Array) {
    this.tail = tail
  }
}

/** The past of readers of which nothing is known, such as those that have just arrived. */
export const UNKNOWN: Past = new Past(NOTHING)

/** A payload as blocks of deflate, for the readers with one past. */
export class Block extends Payload {
  /** Their past after it. */
  readonly next: Past
  /** The length of what was compressed. */
  readonly plainBytes: number
  readonly crc: CrcStep

  constructor(bytes: Uint8Array, plain: Uint8Array, next: Past) {
    super(bytes, true)
    this.next = next
    this.plainBytes = plain.length
    this.crc = new CrcStep(crcOf(plain), plain.length)
  }
}

/** Compresses payloads for readers with a past. */
export interface BlockSource {
  block(payload: Payload, past: Past): Block
}

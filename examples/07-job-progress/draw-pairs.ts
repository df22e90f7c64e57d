import { crc32, deflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
/** 256 by 256 pixels of 8 bits of gray. */
const HEADER = Buffer.from('00000100000001000800000000', 'hex')

/** Draws counts of pairs of bytes as a PNG: the brightness of pixel (x, y) shows how often byte x follows byte y. */
export function drawPairs(counts: Uint32Array): Buffer {
  const most = Math.log1p(counts.reduce((a, b) => Math.max(a, b), 1))
  // Each row begins with the number of its filter, 0.
  const rows = Buffer.alloc(256 * 257)
  for (const [i, count] of counts.entries()) {
    rows[(i >> 8) * 257 + 1 + (i & 255)] = Math.round((255 * Math.log1p(count)) / most)
  }
  return Buffer.concat([SIGNATURE, chunk('IHDR', HEADER), chunk('IDAT', deflateSync(rows)), chunk('IEND')])
}

function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  size.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([size, body, sum])
}

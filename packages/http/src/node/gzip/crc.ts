/** The generator polynomial of CRC-32 (RFC 1952, section 8), lowest bit first. */
const POLYNOMIAL = 0xedb88320
/** The polynomial 1 in this order of bits. */
const ONE = 0x80000000 | 0
/** x^(8 · 2^k), for lengths below 2^17. */
const POWERS = powers(17)

/** The product of two polynomials modulo the generator. */
function product(a: number, b: number): number {
  let sum = 0
  for (let bit = 31; bit >= 0; bit -= 1) {
    sum ^= b & -((a >>> bit) & 1)
    b = (b >>> 1) ^ (POLYNOMIAL & -(b & 1))
  }
  return sum
}

function powers(count: number): readonly number[] {
  const all: number[] = []
  // x, three times squared.
  let power = ONE >>> 1
  for (let i = 0; i < 3; i += 1) power = product(power, power)
  for (let i = 0; i < count; i += 1) {
    all.push(power)
    power = product(power, power)
  }
  return all
}

/**
 * Continues a CRC-32 by bytes whose own CRC-32 is known. The bytes go to many readers, each with a CRC-32 of its own, and
 * a table makes it eight look-ups for each of them.
 */
export class CrcStep {
  readonly #own: number
  /** What each value of each four bits of a CRC becomes. */
  readonly #table = new Int32Array(8 * 16)

  /** @param length - at most 128 KiB */
  constructor(own: number, length: number) {
    this.#own = own
    let shift = ONE
    for (let k = 0; length >>> k > 0; k += 1) if ((length >>> k) & 1) shift = product(POWERS[k]!, shift)
    const table = this.#table
    // Bit 31 is the constant term, bit 30 the coefficient of x, and so on.
    for (let bit = 31; bit >= 0; bit -= 1) {
      const [row, step] = [(bit >>> 2) * 16, 1 << (bit & 3)]
      table[row + step] = shift
      shift = (shift >>> 1) ^ (POLYNOMIAL & -(shift & 1))
    }
    for (let row = 0; row < table.length; row += 16) {
      for (let value = 3; value < 16; value += 1) {
        const lowest = value & -value
        if (lowest !== value) table[row + value] = table[row + lowest]! ^ table[row + (value ^ lowest)]!
      }
    }
  }

  after(crc: number): number {
    const table = this.#table
    let sum = this.#own
    for (let i = 0; i < 8; i += 1) sum ^= table[i * 16 + ((crc >>> (i * 4)) & 15)]!
    return sum
  }
}

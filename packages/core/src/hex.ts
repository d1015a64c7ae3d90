/** The bytes as lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The bytes of hex text, which must be well-formed. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length / 2)
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = (toNibble(text.charCodeAt(index * 2)) << 4) | toNibble(text.charCodeAt(index * 2 + 1))
  }
  return bytes
}

/** The value of a digit, by its character code. Letters, of either case, have bit 6 and count from 1 in the lower bits. */
function toNibble(code: number): number {
  return (code & 15) + (code >> 6) * 9
}

/** What is used of Node's Buffer, which Bun and Deno have too. */
interface NativeBuffer {
  from(text: string, encoding: 'base64'): Uint8Array
  from(buffer: ArrayBufferLike, offset: number, length: number): { toString(encoding: 'base64url'): string }
}

/** Found at run time, so that bundles for edge runtimes do not name it. `atob` takes forty times as long on Node. */
const nativeBuffer: NativeBuffer | undefined = Reflect.get(globalThis, 'Buffer')

/** Letters only, of either alphabet, and as many as bytes make. */
const UNPADDED = /^[\w+/-]*$/

/** The bytes as base64url without padding (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  if (nativeBuffer !== undefined) {
    return nativeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
  }
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** The bytes of base64 or base64url text. Throws DOMException for any other. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (nativeBuffer !== undefined && text.length % 4 !== 1 && UNPADDED.test(text)) {
    return new Uint8Array(nativeBuffer.from(text, 'base64'))
  }
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

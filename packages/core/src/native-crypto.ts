interface Digester {
  update(data: Uint8Array | string): Digester
  digest(): Uint8Array
}

interface Encipherer {
  setAAD(context: Uint8Array): Encipherer
  update(plaintext: Uint8Array): Uint8Array
  final(): Uint8Array
  getAuthTag(): Uint8Array
}

interface Decipherer {
  setAAD(context: Uint8Array): Decipherer
  setAuthTag(tag: Uint8Array): Decipherer
  update(ciphertext: Uint8Array): Uint8Array
  final(): Uint8Array
}

/** What is used of Node's own crypto, which Bun and Deno have too. */
export interface NativeCrypto {
  createHash(algorithm: 'sha256'): Digester
  createHmac(algorithm: 'sha256', key: Uint8Array): Digester
  createCipheriv(algorithm: 'aes-256-gcm', key: Uint8Array, iv: Uint8Array): Encipherer
  createDecipheriv(algorithm: 'aes-256-gcm', key: Uint8Array, iv: Uint8Array): Decipherer
  /** In one step, which costs half as much: since Node 20.12. */
  hash?(algorithm: 'sha256', data: Uint8Array | string, encoding: 'buffer'): Uint8Array
}

/** A `process`, or what stands in for one. */
interface ModuleSource {
  getBuiltinModule?(name: string): NativeCrypto | null | undefined
}

/**
 * Node's own crypto where the runtime has it: without a promise, it is several times as fast as Web Crypto for what is
 * short. It is asked for at run time, so that bundles for edge runtimes and browsers do not name it. Undefined elsewhere, and
 * where the runtime has a part of it only.
 */
export const nativeCrypto: NativeCrypto | undefined = findNativeCrypto(globalThis)

/** Returns the crypto of that runtime, if all that is used of it works. What stands in for a `process` may do anything else. */
export function findNativeCrypto(runtime: object): NativeCrypto | undefined {
  try {
    const source: ModuleSource | undefined = Reflect.get(runtime, 'process')
    const found = source?.getBuiltinModule?.('node:crypto') ?? undefined
    if (found !== undefined) tryOut(found)
    return found
  } catch {
    return undefined
  }
}

/** Throws where a part is missing, or stands there only to throw when it is called. */
function tryOut({ createHash, createHmac, createCipheriv, createDecipheriv }: NativeCrypto): void {
  const [key, iv] = [new Uint8Array(32), new Uint8Array(12)]
  createHash('sha256').update('').digest()
  createHmac('sha256', key).update('').digest()
  createCipheriv('aes-256-gcm', key, iv)
  createDecipheriv('aes-256-gcm', key, iv)
}

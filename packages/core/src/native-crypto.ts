interface Digester {
  update(data: Uint8Array | string): Digester
  digest(): Uint8Array
}

/** What is used of Node's own crypto, which Bun and Deno have too. */
export interface NativeCrypto {
  createHash(algorithm: 'sha256'): Digester
  createHmac(algorithm: 'sha256', key: Uint8Array): Digester
  /** In one step, which costs half as much: since Node 20.12. */
  hash?(algorithm: 'sha256', data: Uint8Array | string, encoding: 'buffer'): Uint8Array
}

/**
 * Node's own crypto where the runtime has it: without a promise, it is several times as fast as Web Crypto for what is
 * short. It is asked for at run time, so that bundles for edge runtimes and browsers do not name it. Undefined elsewhere.
 */
export const nativeCrypto: NativeCrypto | undefined = findNativeCrypto()

function findNativeCrypto(): NativeCrypto | undefined {
  const runtime: { getBuiltinModule?(name: string): NativeCrypto | undefined } | undefined = Reflect.get(
    globalThis,
    'process',
  )
  return runtime?.getBuiltinModule?.('node:crypto')
}

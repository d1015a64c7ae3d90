import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How a token may be signed. */
export type Algorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA'

/** A pair of keys, and the public one as an issuer publishes it. */
export interface IssuerKey {
  readonly alg: Algorithm
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly jwk: Readonly<Record<string, unknown>>
}

export function createIssuerKey(alg: Algorithm, kid: string, modulusLength = 2048): IssuerKey {
  const { privateKey, publicKey } = generate(alg, modulusLength)
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' }
  return { alg, kid, privateKey, publicKey, jwk }
}

function generate(alg: Algorithm, modulusLength: number) {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength })
}

export function encodePart(part: unknown): string {
  const text = typeof part === 'string' ? part : JSON.stringify(part)
  return Buffer.from(text).toString('base64url')
}

/** A token, signed by OpenSSL as RFC 7515 says. A text in place of the header or the claims is taken as it is. */
export function signToken(key: IssuerKey, { header, claims }: { header?: unknown; claims: unknown }): string {
  const input = `${encodePart(header ?? { alg: key.alg, kid: key.kid })}.${encodePart(claims)}`
  return `${input}.${signBytes(key, Buffer.from(input)).toString('base64url')}`
}

/** RFC 7518, sections 3.3 to 3.5, and RFC 8037, section 3.1. */
export function signBytes({ alg, privateKey: key }: Pick<IssuerKey, 'alg' | 'privateKey'>, bytes: Buffer): Buffer {
  if (alg === 'EdDSA') return sign(null, bytes, key)
  if (alg === 'ES256') return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
  const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants
  if (alg === 'RS256') return sign('sha256', bytes, { key, padding: RSA_PKCS1_PADDING })
  return sign('sha256', bytes, { key, padding: RSA_PKCS1_PSS_PADDING, saltLength: 32 })
}

/** A token with a symmetric signature by that secret. */
export function signSymmetric(
  secret: string | Buffer,
  { header, claims }: { header: object; claims: unknown },
): string {
  const input = `${encodePart(header)}.${encodePart(claims)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

/** A server of keys on a port of its own: what it answers, and how often it was asked. */
export async function startKeyServer(keys: readonly object[] = []) {
  const state = { asked: 0, answer: toKeysAnswer(keys) }
  const server = createServer((request, response) => {
    state.asked += 1
    state.answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    state,
    url: `http://127.0.0.1:${port}/jwks`,
    publish(...published: readonly object[]) {
      state.answer = toKeysAnswer(published)
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function toKeysAnswer(keys: readonly object[]): RequestListener {
  return (_, response) => sendJson(response, { keys })
}

export function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

import { createHmac } from 'node:crypto'
import type { SignatureVerdict } from '../../src/signature.js'

/** What the oracle judges by. */
export interface OracleOptions {
  readonly secrets: readonly string[]
  readonly nowSeconds: number
  readonly toleranceSeconds: number
}

/** What was delivered: a header as a server gives it, and bytes. */
export interface Delivered {
  readonly signature: string | readonly string[] | null | undefined
  readonly body: Buffer
}

/**
 * Says what the check must say, by another way: it walks through the header character by character, uses Node's HMAC, and
 * compares text. It shares no line with what it judges. The rules are those of docs/webhooks.md and of the code's own
 * limits: 4096 characters, eight sets, fifteen digits.
 */
export function judgeByOracle(delivered: Delivered, options: OracleOptions): SignatureVerdict {
  const header = [delivered.signature ?? ''].flat().join(' ')
  const words = header.length > 4096 ? ['too long'] : toWords(header)
  if (words.length === 0 && !header.includes(',')) return { valid: false, reason: 'missing' }
  const claims = toClaims(words)
  if (claims.length === 0) return { valid: false, reason: 'malformed' }
  const signed = claims.filter(({ time, digests }) =>
    options.secrets.some((secret) => {
      const message = Buffer.concat([Buffer.from(time, 'latin1'), Buffer.from([0x2e]), delivered.body])
      return digests.includes(createHmac('sha256', Buffer.from(secret, 'utf8')).update(message).digest('hex'))
    }),
  )
  const ages = signed.map(({ time }) => options.nowSeconds - Number.parseInt(time, 10))
  const fresh = ages.find((age) => age <= options.toleranceSeconds && age >= -options.toleranceSeconds)
  if (fresh !== undefined) return { valid: true, timestampSeconds: options.nowSeconds - fresh }
  const [age] = ages
  if (age === undefined) return { valid: false, reason: 'mismatch' }
  return { valid: false, reason: age > 0 ? 'stale' : 'future' }
}

interface Claim {
  readonly time: string
  readonly digests: string[]
}

/** What stands between blanks, tabs, ends of lines and commas. */
function toWords(header: string): string[] {
  const words: string[] = []
  let word = ''
  for (const character of `${header} `) {
    if (' \t\r\n,'.includes(character)) {
      if (word !== '') words.push(word)
      word = ''
    } else word += character
  }
  return words
}

function toClaims(words: readonly string[]): Claim[] {
  const claims: Claim[] = []
  let isOpen = false
  for (const word of words) {
    if (word === 't' || word.startsWith('t=')) {
      const time = word.slice(2)
      isOpen = consistsOf(time, '0123456789') && time.length <= 15
      if (isOpen) claims.push({ time, digests: [] })
    } else if (word.startsWith('v1=') && isOpen) {
      const digest = word.slice(3)
      if (digest.length === 64 && consistsOf(digest, '0123456789abcdefABCDEF'))
        claims.at(-1)?.digests.push(lower(digest))
    }
  }
  return claims.filter(({ digests }) => digests.length > 0).slice(0, 8)
}

function consistsOf(text: string, characters: string): boolean {
  return text !== '' && [...text].every((character) => characters.includes(character))
}

function lower(hex: string): string {
  return Buffer.from(hex, 'hex').toString('hex')
}

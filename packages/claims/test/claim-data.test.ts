import fc from 'fast-check'
import { type Address, concat, getAddress, type Hex, keccak256, pad, slice, stringToHex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CLAIM_DATA_DOMAIN,
  type ClaimSubject,
  type DecodedClaimData,
  decodeClaimData,
  encodeClaimData,
  findFault,
  toCommitment,
} from '../src/claim-data.js'
import { SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { deployContract, type PlainContract } from './plain-calls.js'
import vectors from './vectors/claims.json' with { type: 'json' }

const MOST = 2 ** 53 - 1
const ISSUER = getAddress(vectors.issuer)
const IDENTITY = getAddress(vectors.identity)

const SUBJECT: ClaimSubject = {
  chainId: 137,
  issuer: ISSUER,
  identity: IDENTITY,
  topic: 42n,
  caseId: vectors.caseId,
  generation: 1,
  level: 3,
  verifiedAtSeconds: 1_767_323_045,
  validUntilSeconds: 1_893_456_000,
}

const anyAddress = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => getAddress(toHex(bytes)))
const anyNumber = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, MOST))
const anySubject: fc.Arbitrary<ClaimSubject> = fc.record({
  chainId: anyNumber,
  issuer: anyAddress,
  identity: anyAddress,
  topic: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  caseId: fc.oneof(fc.uuid(), fc.string({ unit: 'binary', maxLength: 100 })),
  generation: anyNumber,
  level: anyNumber,
  verifiedAtSeconds: anyNumber,
  validUntilSeconds: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: MOST })),
})

const word = (value: bigint): Hex => pad(`0x${value.toString(16)}`, { size: 32 })

/** The data, with another word in that place. */
function replaceWord(data: Hex, index: number, other: Hex): Hex {
  const before = index === 0 ? [] : [slice(data, 0, index * 32)]
  const after = index === 6 ? [] : [slice(data, (index + 1) * 32)]
  return concat([...before, other, ...after])
}

describe('the data of a claim', () => {
  it('is what Python makes of the same statement', () => {
    for (const { topic, commitment, data, ...numbers } of vectors.data) {
      const subject = { ...SUBJECT, ...numbers, topic: BigInt(topic) }
      expect(toCommitment(subject)).toBe(commitment)
      expect(encodeClaimData(subject)).toBe(data)
    }
  })

  it('starts with a mark of its own', () => {
    expect(CLAIM_DATA_DOMAIN).toBe(keccak256(stringToHex('persona-kyc.claim.v1')))
    expect(encodeClaimData(SUBJECT).startsWith(CLAIM_DATA_DOMAIN)).toBe(true)
  })

  it('is read as it was written', () => {
    const property = fc.property(anySubject, (subject) => {
      const { chainId, issuer, level, verifiedAtSeconds, validUntilSeconds } = subject
      const statement = { chainId, issuer, level, verifiedAtSeconds, validUntilSeconds }
      expect(decodeClaimData(encodeClaimData(subject))).toEqual({ ...statement, commitment: toCommitment(subject) })
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('is read in capitals too', () => {
    const data = encodeClaimData(SUBJECT)
    expect(decodeClaimData(`0x${data.slice(2).toUpperCase()}`)).toEqual(decodeClaimData(data))
  })

  const data = encodeClaimData(SUBJECT)
  it.each<[string, Hex]>([
    ['nothing', '0x'],
    ['one byte', '0xab'],
    ['another mark', replaceWord(data, 0, keccak256('0x'))],
    ['the mark of another version', replaceWord(data, 0, keccak256(stringToHex('persona-kyc.claim.v2')))],
    ['one byte less', slice(data, 0, 223)],
    ['one word less', slice(data, 0, 192)],
    ['one byte more', concat([data, '0x00'])],
    ['one word more', concat([data, word(0n)])],
    ['half a byte less', data.slice(0, -1) as Hex],
    ['a digit that is none', `${data.slice(0, -1)}g` as Hex],
    ['no hex at all', `__${data.slice(2)}` as Hex],
    ['an address with more than 20 bytes', replaceWord(data, 2, concat(['0x01', slice(data, 65, 96)]))],
    ['zeros', `0x${'00'.repeat(224)}`],
    ['ones', `0x${'ff'.repeat(224)}`],
  ])('is none of ours where it is %s', (_, other) => {
    expect(decodeClaimData(other)).toBeNull()
  })

  it.each([
    ['chain id', 1],
    ['level', 3],
    ['time of verification', 4],
    ['end', 5],
  ])('is none of ours where the %s is more than JavaScript can count to', (_, index) => {
    expect(decodeClaimData(replaceWord(data, index, word(BigInt(MOST))))).not.toBeNull()
    for (const value of [2n ** 53n, 2n ** 64n, 2n ** 256n - 1n]) {
      expect(decodeClaimData(replaceWord(data, index, word(value)))).toBeNull()
    }
  })

  it('is never something that cannot be read, whatever the bytes', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(decodeClaimData(toHex(bytes))).toBeNull()
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('has nothing in clear but the statement: not the case, its generation, the identity or the topic', () => {
    const words = Array.from({ length: 7 }, (_, index) => slice(data, index * 32, (index + 1) * 32))
    const { chainId, level, verifiedAtSeconds, validUntilSeconds } = SUBJECT
    const numbers = [level, verifiedAtSeconds, validUntilSeconds ?? 0].map((number) => word(BigInt(number)))
    const issuer = pad(ISSUER.toLowerCase() as Hex, { size: 32 })
    expect(words).toEqual([CLAIM_DATA_DOMAIN, word(BigInt(chainId)), issuer, ...numbers, toCommitment(SUBJECT)])
  })

  it('holds neither a case’s id nor a user’s, in any spelling', () => {
    const property = fc.property(anySubject, fc.uuid(), (subject, caseId) => {
      const text = encodeClaimData({ ...subject, caseId })
      const bytes = caseId.replaceAll('-', '')
      for (const spelling of [bytes, stringToHex(caseId).slice(2), stringToHex(bytes).slice(2)]) {
        expect(text).not.toContain(spelling)
      }
    })
    fc.assert(property, { numRuns: 100 })
  })
})

describe('the commitment of a claim', () => {
  it.each<[keyof ClaimSubject, ClaimSubject[keyof ClaimSubject]]>([
    ['chainId', 138],
    ['issuer', IDENTITY],
    ['identity', ISSUER],
    ['topic', 43n],
    ['caseId', `${vectors.caseId} `],
    ['generation', 2],
    ['level', 4],
    ['verifiedAtSeconds', SUBJECT.verifiedAtSeconds + 1],
    ['validUntilSeconds', null],
  ])('is another one for another %s', (name, value) => {
    const other = { ...SUBJECT, [name]: value }
    expect(toCommitment(other)).not.toBe(toCommitment(SUBJECT))
    expect(encodeClaimData(other)).not.toBe(encodeClaimData(SUBJECT))
  })

  it('is another one for each subject', () => {
    const property = fc.property(anySubject, anySubject, (left, right) => {
      fc.pre(JSON.stringify(toText(left)) !== JSON.stringify(toText(right)))
      expect(toCommitment(left)).not.toBe(toCommitment(right))
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('differs from one for which neighbouring parts have run into each other', () => {
    const [first, second] = [
      { ...SUBJECT, caseId: 'a', generation: 11 },
      { ...SUBJECT, caseId: 'a1', generation: 1 },
    ]
    expect(toCommitment(first)).not.toBe(toCommitment(second))
  })
})

describe('findFault', () => {
  const NOW = 1_800_000_000
  const STATEMENT: DecodedClaimData = { ...SUBJECT, validUntilSeconds: NOW, commitment: toCommitment(SUBJECT) }
  const place = { chainId: 137, issuer: ISSUER, nowSeconds: NOW }

  it.each<[string, DecodedClaimData | null, Partial<typeof place>, string | null]>([
    ['data that is none of ours', null, {}, 'foreign_data'],
    ['the chain and issuer that it is for', STATEMENT, {}, null],
    ['another chain', STATEMENT, { chainId: 1 }, 'other_chain'],
    ['another issuer', STATEMENT, { issuer: IDENTITY }, 'other_issuer'],
    ['an issuer in other letters', STATEMENT, { issuer: ISSUER.toLowerCase() as Address }, null],
    ['the second before its end', STATEMENT, { nowSeconds: NOW - 1 }, null],
    ['the second of its end', STATEMENT, { nowSeconds: NOW }, null],
    ['the second after its end', STATEMENT, { nowSeconds: NOW + 1 }, 'expired'],
    ['a claim without end', { ...STATEMENT, validUntilSeconds: null }, { nowSeconds: MOST }, null],
    ['another chain, past its end', STATEMENT, { chainId: 1, nowSeconds: NOW + 1 }, 'other_chain'],
    ['another issuer, past its end', STATEMENT, { issuer: IDENTITY, nowSeconds: NOW + 1 }, 'other_issuer'],
  ])('for %s', (_, statement, change, fault) => {
    expect(findFault(statement, { ...place, ...change })).toBe(fault)
  })
})

describe.skipIf(SKIPPED !== null)(`the data of a claim in Solidity${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  let chain: TestChain
  let oracle: PlainContract

  beforeAll(async () => {
    chain = await startTestChain()
    oracle = await deployContract(chain, { file: 'Vectors.sol', name: 'Vectors' })
  })
  afterAll(() => chain?.local.stop())

  it('is the same, commitment included', async () => {
    const property = fc.asyncProperty(anySubject, async (subject) => {
      expect(toCommitment(subject)).toBe(await oracle.ask('toCommitment', toStruct(subject)))
      expect(encodeClaimData(subject)).toBe(await oracle.ask('toData', toStruct(subject)))
    })
    await fc.assert(property, { numRuns: 50 })
  })

  it('is read by abi.decode as it is here', async () => {
    const property = fc.asyncProperty(anySubject, async (subject) => {
      const data = encodeClaimData(subject)
      const { domain, ...read } = toStatement(await oracle.ask('decode', data))
      expect(domain).toBe(CLAIM_DATA_DOMAIN)
      expect(decodeClaimData(data)).toEqual(read)
    })
    await fc.assert(property, { numRuns: 50 })
  })

  it('is refused here wherever abi.decode refuses it', async () => {
    const anyWord = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex)
    const anyPlace = fc.integer({ min: 0, max: 6 })
    const property = fc.asyncProperty(anySubject, anyPlace, anyWord, async (subject, place, other) => {
      const data = replaceWord(encodeClaimData(subject), place, other)
      const here = decodeClaimData(data)
      const there = await oracle.ask('decode', data).then(toStatement, () => null)
      if (here !== null) expect({ domain: CLAIM_DATA_DOMAIN, ...here }).toEqual(there)
    })
    await fc.assert(property, { numRuns: 100 })
  })
})

/** The statement that Solidity reads, with 0 for no end. */
function toStatement(answer: unknown): DecodedClaimData & { readonly domain: Hex } {
  const read = answer as Record<string, bigint> & { domain: Hex; issuer: Address; commitment: Hex }
  return {
    domain: read.domain,
    chainId: Number(read.chainId),
    issuer: read.issuer,
    level: Number(read.level),
    verifiedAtSeconds: Number(read.verifiedAt),
    validUntilSeconds: Number(read.validUntil) || null,
    commitment: read.commitment,
  }
}

function toStruct({ verifiedAtSeconds, validUntilSeconds, ...subject }: ClaimSubject) {
  return { ...subject, verifiedAt: verifiedAtSeconds, validUntil: validUntilSeconds ?? 0 }
}

function toText({ topic, ...subject }: ClaimSubject) {
  return { ...subject, topic: topic.toString() }
}

function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`
}

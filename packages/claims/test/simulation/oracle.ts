import {
  type Address,
  decodeFunctionData,
  encodeAbiParameters,
  getAddress,
  type Hex,
  keccak256,
  parseAbi,
  parseTransaction,
  stringToHex,
} from 'viem'
import { expect } from 'vitest'
import { CASES, TOPIC, toCaseId, toSibling, toUserId, toWallet } from './people.js'
import type { World } from './world.js'

// All of this is written anew: what it checks is not to check itself.
const ABI = parseAbi([
  'function addClaim(uint256, uint256, address, bytes, bytes, string) returns (bytes32)',
  'function getClaim(bytes32) view returns (uint256, uint256, address, bytes, bytes, string)',
  'function isClaimValid(address, uint256, bytes, bytes) view returns (bool)',
  'function getIdentity(address) view returns (address)',
])
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const ADD_CLAIM = keccak256(stringToHex('addClaim(uint256,uint256,address,bytes,bytes,string)')).slice(0, 10)

/** A claim that was in the calldata of a transaction. */
interface Sighting {
  readonly identity: Address
  readonly signature: Hex
  readonly data: Hex
}

/** Compares a world at rest with what it should be. */
export async function expectTruth(world: World): Promise<void> {
  const sightings = [...world.sent].flatMap(toSighting)
  const live = await listLive(world)
  await expectOnlyLiveOnesValid(world, sightings, live)
  await expectCasesAgree(world, live)
  await expectNoneTwice(world)
  for (const raw of world.sent) expectNothingPersonal(raw)
}

interface Live extends Sighting {
  readonly index: number
}

/** The claims that the identities show, each with the case that it must be of: the one of its user verified last. */
async function listLive(world: World): Promise<Live[]> {
  const { client, issuer } = world.chain
  const claimId = keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [issuer, TOPIC]))
  const found: Live[] = []
  for (let index = 0; index < CASES; index++) {
    const identity = await readIdentity(world, index)
    if (identity === null || !(await isHolder(world, index))) continue
    const args = [claimId] as const
    const claim = await client.readContract({ address: identity, abi: ABI, functionName: 'getClaim', args })
    const [topic, scheme, shownIssuer, signature, data, uri] = claim
    expect([topic, scheme, getAddress(shownIssuer), uri], `the claim of ${toCaseId(index)}`).toEqual([
      TOPIC,
      1n,
      getAddress(issuer),
      '',
    ])
    found.push({ index, identity, signature, data })
  }
  return found
}

/** True when the case is to have a claim: it is verified, and no other case of its user was verified later. */
async function isHolder({ storage, isVerified, verifiedAt }: World, index: number): Promise<boolean> {
  if (isVerified[index] !== true) return false
  const sibling = toSibling(index)
  if (sibling === null || Number(verifiedAt[sibling]) < Number(verifiedAt[index])) return true
  // The later verification was taken back: it depends on whether the service saw it before that.
  return isVerified[sibling] !== true && (await storage.getCase(toCaseId(index)))?.kycClaimId !== null
}

async function expectOnlyLiveOnesValid(world: World, sightings: readonly Sighting[], live: readonly Live[]) {
  const { client, issuer } = world.chain
  const alive = new Set(live.map(({ signature }) => signature.toLowerCase()))
  const checked = new Map(sightings.map((sighting) => [sighting.signature, sighting]))
  for (const { identity, signature, data } of checked.values()) {
    for (const encoding of toEncodings(signature)) {
      const args = [identity, TOPIC, encoding, data] as const
      const isValid = await client.readContract({ address: issuer, abi: ABI, functionName: 'isClaimValid', args })
      const expected = alive.has(signature.toLowerCase())
      expect(isValid, `${signature} as ${encoding} is ${isValid ? 'valid' : 'invalid'}`).toBe(expected)
    }
  }
  for (const { signature, index } of live) {
    expect(checked.has(signature), `the claim of ${toCaseId(index)} was sent by this service`).toBe(true)
  }
}

async function expectCasesAgree({ storage, chain }: World, live: readonly Live[]): Promise<void> {
  for (let index = 0; index < CASES; index++) {
    const kycCase = await storage.getCase(toCaseId(index))
    const claim = live.find((candidate) => candidate.index === index)
    if (claim === undefined) {
      expect(kycCase, `${toCaseId(index)} has no claim`).toMatchObject({ kycClaimId: null, kycClaimTxHash: null })
      continue
    }
    const hash = kycCase?.kycClaimTxHash as Hex
    const receipt = await chain.client.getTransactionReceipt({ hash })
    const { input } = await chain.client.getTransaction({ hash })
    expect(receipt.status).toBe('success')
    expect(input, 'the stored transaction gave the claim to the identity').toContain(claim.signature.slice(2))
  }
}

/** No claim was given to an identity by two transactions that succeeded. */
async function expectNoneTwice({ chain: { client }, base }: World): Promise<void> {
  const added: string[] = []
  const newest = await client.getBlockNumber({ cacheTime: 0 })
  const blocks = Array.from({ length: Number(newest) - base }, (_, index) => BigInt(base + index + 1))
  for (const blockNumber of blocks) {
    const { transactions } = await client.getBlock({ blockNumber, includeTransactions: true })
    for (const { hash, input, to } of transactions) {
      if (!input.startsWith(ADD_CLAIM)) continue
      const { status } = await client.getTransactionReceipt({ hash })
      if (status === 'success') added.push(`${to} ${input}`)
    }
  }
  expect(added.length, 'no claim was added twice').toBe(new Set(added).size)
}

function expectNothingPersonal(raw: Hex): void {
  for (let index = 0; index < CASES; index++) {
    for (const text of [toUserId(index), toCaseId(index), 'lovelace']) {
      expect(raw.includes(stringToHex(text).slice(2)), `${text} is in calldata`).toBe(false)
    }
  }
}

async function readIdentity({ chain }: World, index: number): Promise<Address | null> {
  const args = [toWallet(chain, index)] as const
  const address = await chain.client.readContract({
    address: chain.factory,
    abi: ABI,
    functionName: 'getIdentity',
    args,
  })
  return BigInt(address) === 0n ? null : address
}

function toSighting(raw: Hex): Sighting[] {
  const { to, data: input } = parseTransaction(raw)
  if (!to || input === undefined || !input.startsWith(ADD_CLAIM)) return []
  const [, , , signature, data] = decodeFunctionData({ abi: ABI, data: input }).args as readonly [
    bigint,
    bigint,
    Address,
    Hex,
    Hex,
    string,
  ]
  return [{ identity: to, signature, data }]
}

function toEncodings(signature: Hex): Hex[] {
  const [r, s, v] = [
    signature.slice(2, 66),
    BigInt(`0x${signature.slice(66, 130)}`),
    Number(`0x${signature.slice(130)}`),
  ]
  const other = (ORDER - s).toString(16).padStart(64, '0')
  const low = s.toString(16).padStart(64, '0')
  const flipped = v === 27 ? 28 : 27
  const join = (value: string, parity: number): Hex => `0x${r}${value}${parity.toString(16).padStart(2, '0')}`
  return [join(low, v), join(low, v - 27), join(other, flipped), join(other, flipped - 27)]
}

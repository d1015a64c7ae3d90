import type { Address } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SignedClaim } from '../src/claim.js'
import { createIdentityFactory } from '../src/identities.js'
import { type ClaimFault, verifyClaim } from '../src/verify-claim.js'
import { CASE, createTestIssuer, VERIFIED_AT } from './issuer-fixture.js'
import { deployIdentity, deployIssuer, SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { addClaim, askIssuer, encodeAddClaim, sendCall } from './plain-calls.js'

const CHAIN_IDS = [1, 10, 137, 31_337]

/** One chain, one of its issuers, one of its identities: where a claim may be. */
interface Place {
  readonly chain: TestChain
  readonly issuer: Address
  readonly identity: Address
  readonly name: string
}

describe.skipIf(SKIPPED !== null)(`a claim on 4 chains${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  let chains: TestChain[]
  let issuers: Address[]
  let identities: Address[]
  let places: Place[]

  beforeAll(async () => {
    chains = await Promise.all(CHAIN_IDS.map((chainId) => startTestChain({ chainId })))
    const contracts = await Promise.all(chains.map(deploy))
    const [first] = contracts
    if (first === undefined) throw new Error('There is no chain.')
    // The dangerous case: one deployer, the same nonces, and so the same addresses everywhere.
    for (const other of contracts) expect(other).toEqual(first)
    ;({ issuers, identities } = first)
    places = chains.flatMap((chain) =>
      issuers.flatMap((issuer) => identities.map((identity) => toPlace({ chain, issuer, identity }))),
    )
  })
  afterAll(async () => {
    await Promise.all((chains ?? []).map(({ local }) => local.stop()))
  })

  /** Two issuers, which one key signs for, and three identities, which the attacker holds all. */
  async function deploy(chain: TestChain) {
    const second = await deployIssuer(chain)
    const made: Address[] = []
    const claimKeys = [chain.account(9).address]
    for (let count = 0; count < 3; count++) made.push(await deployIdentity(chain, { claimKeys }))
    return { factory: chain.factory, issuers: [chain.issuer, second], identities: made }
  }

  function toPlace({ chain, issuer, identity }: Omit<Place, 'name'>): Place {
    const name = `chain ${chain.local.chainId}, issuer ${issuers.indexOf(issuer)}, identity ${identities.indexOf(identity)}`
    return { chain, issuer, identity, name }
  }

  /** Gives the claim to the identity of that place, as one of that issuer. True where its bare contracts take it. */
  async function replay(claim: SignedClaim, { chain, issuer, identity }: Place): Promise<boolean> {
    const attacker = chain.account(9)
    const copy = { ...claim, issuer }
    const call = { account: attacker, to: identity, data: encodeAddClaim(copy) }
    const isTaken = await chain.client.call(call).then(
      () => true,
      (error: Error) => {
        expect(error.message).toContain('invalid claim')
        return false
      },
    )
    expect(await askIssuer(chain, { ...copy, identity })).toBe(isTaken)
    if (isTaken) await addClaim(chain, copy, { to: identity, by: attacker })
    return isTaken
  }

  async function judge(topic: bigint, { chain, issuer, identity }: Place): Promise<true | ClaimFault> {
    const verdict = await verifyClaim(chain.client, { identity, issuer, topic })
    return verdict.isValid || verdict.fault
  }

  it('is on 24 places: 4 chains, 2 issuers, 3 identities', () => {
    expect(new Set(places.map(({ name }) => name)).size).toBe(24)
    expect(new Set(chains.map(({ local }) => local.chainId)).size).toBe(4)
  })

  it.each(Array.from({ length: 24 }, (_, index) => index))(
    'counts where it was issued, and nowhere else, whatever bare contracts take (place %i of 24)',
    async (index) => {
      const home = places[index] as Place
      // A topic for each, as an identity has one claim of an issuer and topic.
      const topic = 1000n + BigInt(index)
      const issuer = createTestIssuer(home.chain, { topic, issuer: home.issuer })
      const { claim } = await issuer.issue({ identity: home.identity, caseId: CASE, verifiedAt: VERIFIED_AT })
      const others = places.filter((place) => place !== home)
      const expected = new Map<string, true | ClaimFault>(places.map(({ name }) => [name, 'no_claim']))
      expected.set(home.name, true)
      for (const place of others) {
        const isTaken = await replay(claim, place)
        // The replay that ERC-735 allows: its signature covers identity, topic and data, neither chain nor issuer. With one key
        // at both issuers and one address on all chains, the bare contracts take the claim in 7 places that it was not made for.
        expect(isTaken, place.name).toBe(place.identity === home.identity)
        if (isTaken) expected.set(place.name, place.chain === home.chain ? 'other_issuer' : 'other_chain')
      }
      const verdicts = await Promise.all(places.map(async (place) => [place.name, await judge(topic, place)] as const))
      expect(new Map(verdicts)).toEqual(expected)
      const count = (fault: true | ClaimFault) => verdicts.filter(([, verdict]) => verdict === fault).length
      expect([count(true), count('other_issuer'), count('other_chain'), count('no_claim')]).toEqual([1, 1, 6, 16])
    },
  )

  it('is for an identity that has another address on each chain, where the factory makes it', async () => {
    const wallet = privateKeyToAccount(generatePrivateKey()).address
    const made = await Promise.all(
      chains.map(async (chain) => {
        const { client, factory, owner } = chain
        const found = createIdentityFactory({ client, factory, owner: owner.address })
        const predicted = await found.predict(wallet)
        await sendCall(chain, await found.toCreateCall(wallet))
        expect(await found.find(wallet)).toBe(predicted)
        return { factory, identity: predicted }
      }),
    )
    expect(new Set(made.map(({ factory }) => factory)).size).toBe(1)
    expect(new Set(made.map(({ identity }) => identity)).size).toBe(4)
    for (const { identity } of made) {
      const codes = await Promise.all(chains.map(({ client }) => client.getCode({ address: identity })))
      expect(codes.filter((code) => code !== undefined)).toHaveLength(1)
    }
  })
})

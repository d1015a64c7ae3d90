import {
  type Address,
  createPublicClient,
  custom,
  encodeFunctionData,
  getAddress,
  keccak256,
  pad,
  parseAbi,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ContractCall } from '../src/calls.js'
import { createIdentityFactory, toIdentitySalt } from '../src/identities.js'
import { toRejection } from './canaries.js'
import { SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { IDENTITY, sendCall } from './plain-calls.js'
import vectors from './vectors/claims.json' with { type: 'json' }

const FACTORY_ABI = parseAbi([
  'function createIdentityWithManagementKeys(address wallet, string salt, bytes32[] managementKeys) returns (address)',
  'function linkWallet(address newWallet)',
])
const [FACTORY, WALLET] = [getAddress(vectors.issuer), getAddress(vectors.identity)]
const newWallet = () => privateKeyToAccount(generatePrivateKey()).address

describe('the salt of an identity', () => {
  it.each(vectors.salts)('is what Python makes of it on chain $chainId', ({ chainId, salt }) => {
    expect(toIdentitySalt(chainId, FACTORY, WALLET)).toBe(salt)
  })

  it('is another one for another chain, factory or wallet', () => {
    const other = newWallet()
    const salts = [
      toIdentitySalt(1, FACTORY, WALLET),
      toIdentitySalt(2, FACTORY, WALLET),
      toIdentitySalt(1, other, WALLET),
      toIdentitySalt(1, FACTORY, other),
      toIdentitySalt(1, WALLET, FACTORY),
    ]
    expect(new Set(salts).size).toBe(salts.length)
  })

  it('is the same, whichever case an address is written in', () => {
    const lower = (address: Address) => address.toLowerCase() as Address
    const wallet = newWallet()
    expect(toIdentitySalt(1, lower(FACTORY), lower(wallet))).toBe(toIdentitySalt(1, FACTORY, wallet))
  })
})

describe.skipIf(SKIPPED !== null)(`createIdentityFactory${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  let chain: TestChain
  beforeAll(async () => {
    chain = await startTestChain()
  })
  afterAll(() => chain?.local.stop())

  const create = (options: Partial<Parameters<typeof createIdentityFactory>[0]> = {}) =>
    createIdentityFactory({ client: chain.client, factory: chain.factory, owner: chain.owner.address, ...options })

  const hasPurpose = (identity: Address, holder: Address, purpose: bigint) =>
    chain.client.readContract({
      address: identity,
      abi: IDENTITY,
      functionName: 'keyHasPurpose',
      args: [keccak256(pad(holder)), purpose],
    })

  it('finds no identity before it is created, and the predicted one after', async () => {
    const [identities, wallet] = [create(), newWallet()]
    expect(await identities.find(wallet)).toBeNull()
    const predicted = await identities.predict(wallet)
    expect(await chain.client.getCode({ address: predicted })).toBeUndefined()
    await sendCall(chain, await identities.toCreateCall(wallet))
    expect(await identities.find(wallet)).toBe(predicted)
    expect(await chain.client.getCode({ address: predicted })).toMatch(/^0x.{100}/)
    expect(predicted).toBe(getAddress(predicted))
  })

  it('predicts the same whatever others create in between, and another one for another wallet', async () => {
    const [identities, wallet] = [create(), newWallet()]
    const predicted = await identities.predict(wallet)
    await sendCall(chain, await identities.toCreateCall(newWallet()))
    expect(await identities.predict(wallet)).toBe(predicted)
    expect(await create().predict(wallet)).toBe(predicted)
    expect(await identities.predict(newWallet())).not.toBe(predicted)
  })

  it('creates one identity for a wallet, not two', async () => {
    const [identities, wallet] = [create(), newWallet()]
    const call = await identities.toCreateCall(wallet)
    await sendCall(chain, call)
    expect(await toRejection(identities.predict(wallet))).toMatchObject({ code: 'chain_refused' })
    await expect(sendCall(chain, call)).rejects.toThrow('salt already taken')
  })

  it('does not create an identity for anybody but the owner of the factory', async () => {
    const [other, wallet] = [chain.account(1), newWallet()]
    const identities = create({ owner: other.address })
    expect(await toRejection(identities.predict(wallet))).toMatchObject({ code: 'chain_refused' })
    const call = await identities.toCreateCall(wallet)
    await expect(sendCall(chain, { ...call, by: other })).rejects.toThrow('caller is not the owner')
    expect(await identities.find(wallet)).toBeNull()
  })

  it('gives the identity to the owner, and to nobody else', async () => {
    const [identities, wallet] = [create(), newWallet()]
    await sendCall(chain, await identities.toCreateCall(wallet))
    const identity = (await identities.find(wallet)) as Address
    const holders = [chain.owner.address, wallet, chain.factory]
    const managing = await Promise.all(holders.map((holder) => hasPurpose(identity, holder, 1n)))
    expect(managing).toEqual([true, false, false])
  })

  it('gives the identity to its managers, and not to the owner where that is none of them', async () => {
    const managers = [chain.account(1).address, chain.account(2).address]
    const [identities, wallet] = [create({ managers }), newWallet()]
    await sendCall(chain, await identities.toCreateCall(wallet))
    const identity = (await identities.find(wallet)) as Address
    const holders = [...managers, chain.owner.address, chain.factory]
    const managing = await Promise.all(holders.map((holder) => hasPurpose(identity, holder, 1n)))
    expect(managing).toEqual([true, true, false, false])
  })

  it('tells an identity that was made for a wallet from one that its holder has linked the wallet to', async () => {
    const [identities, holder, linked] = [create(), chain.account(6), newWallet()]
    await sendCall(chain, await identities.toCreateCall(holder.address))
    const identity = (await identities.find(holder.address)) as Address
    const data = encodeFunctionData({ abi: FACTORY_ABI, functionName: 'linkWallet', args: [linked] })
    await sendCall(chain, { to: chain.factory, data, by: holder })
    expect(await identities.find(linked)).toBe(identity)
    const asked = [holder.address, linked, newWallet()].map((wallet) => identities.wasMadeFor(wallet, identity))
    expect(await Promise.all(asked)).toEqual([true, false, false])
    expect(await identities.wasMadeFor(holder.address, newWallet())).toBe(false)
    expect(await create({ factory: newWallet() }).wasMadeFor(holder.address, identity)).toBe(false)
  })

  it('refuses no managers, and the wallet as one of them, as the factory does', async () => {
    const wallet = newWallet()
    for (const managers of [[], [wallet], [chain.owner.address, wallet]]) {
      expect(await toRejection(create({ managers }).predict(wallet))).toMatchObject({ code: 'chain_refused' })
    }
  })

  it('sends the wallet, its salt and the keys of the managers, and nothing else', async () => {
    const wallet = newWallet()
    const { to, data } = await create().toCreateCall(wallet)
    const salt = toIdentitySalt(chain.local.chainId, chain.factory, wallet)
    const args = [wallet, salt, [keccak256(pad(chain.owner.address))]] as const
    const functionName = 'createIdentityWithManagementKeys'
    expect({ to, data }).toEqual({
      to: chain.factory,
      data: encodeFunctionData({ abi: FACTORY_ABI, functionName, args }),
    })
  })

  it('rejects with `chain_refused` where there is no factory', async () => {
    const identities = create({ factory: newWallet() })
    expect(await toRejection(identities.find(newWallet()))).toMatchObject({ code: 'chain_refused' })
    expect(await toRejection(identities.predict(newWallet()))).toMatchObject({ code: 'chain_refused' })
  })

  it('asks again for the chain’s id where it could not be had', async () => {
    let isAway = true
    const request = (call: { method: string; params?: unknown }): Promise<unknown> =>
      isAway ? Promise.reject(new Error('away')) : chain.client.request(call as never)
    const client = createPublicClient({ transport: custom({ request }, { retryCount: 0 }) })
    const [identities, wallet] = [create({ client }), newWallet()]
    expect(await toRejection(identities.predict(wallet))).toMatchObject({ code: 'chain_unreachable' })
    isAway = false
    const call: ContractCall = await identities.toCreateCall(wallet)
    expect(call).toEqual(await create().toCreateCall(wallet))
  })
})

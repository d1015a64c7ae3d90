import { type Address, type Hex, parseAbi, parseTransaction } from 'viem'
import { describe, expect, it } from 'vitest'
import { toClaimId } from '../src/claim.js'
import { compileContracts } from './compile.js'
import { createRandomAccount } from './issuer-fixture.js'
import { SKIPPED } from './local-chain.js'
import { IDENTITY } from './plain-calls.js'
import { TOPIC, toCaseId, toWallet } from './simulation/people.js'
import { ADD_CLAIM, CREATE, REMOVE, REVOKE, setUpStage, toPlainClaim } from './simulation/stage.js'
import { decide, mine, run, runUntil } from './simulation/world.js'

const FACTORY = parseAbi([
  'function linkWallet(address)',
  'function unlinkWallet(address)',
  'function getIdentity(address) view returns (address)',
])
/** More than the service pays, so that it comes first in a block. */
const FIRST = { maxFeePerGas: 900_000_000_000n, maxPriorityFeePerGas: 800_000_000_000n }

describe.skipIf(SKIPPED !== null)(`the Identity Service under attack${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  const stage = setUpStage()
  const { hasClaim, hasNone, isSettled, noncesOf, sendings, toKinds, truth } = stage

  const deploy = async (name: string, args: readonly unknown[] = []) => {
    const { chain } = stage
    await chain.test.setAutomine(true)
    const artifact = compileContracts('FickleIdentities.sol')[name]
    if (artifact === undefined) throw new Error('There is no such contract.')
    const address = await chain.deploy(artifact, args)
    await chain.test.setAutomine(false)
    return address
  }
  const findIdentity = (wallet: Address) =>
    stage.chain.client.readContract({
      address: stage.chain.factory,
      abi: FACTORY,
      functionName: 'getIdentity',
      args: [wallet],
    })

  describe.each([
    ['before the victim has an identity', false],
    ['in front of the creation of the victim’s identity', true],
  ])('where a declined person links a verified person’s wallet to her identity, %s', (_, isFrontRunning) => {
    it('issues nothing to her, says so, and gives the victim a claim on an identity of their own once she unlinks it', async () => {
      const { chain, world } = stage
      const [attacker, victim] = [chain.account(3), chain.account(4).address]
      stage.start()
      await decide(world, 0, true)
      await runUntil(world, hasClaim(0))
      await decide(world, 0, false)
      await runUntil(world, isSettled(0))
      const link = async () => {
        const call = { to: chain.factory, abi: FACTORY, functionName: 'linkWallet', args: [victim], fees: FIRST }
        await stage.send(attacker, call)
        await mine(world, 1)
      }
      if (!isFrontRunning) await link()
      await decide(world, 1, true)
      if (isFrontRunning) {
        await runUntil(world, () => noncesOf(CREATE).length > 1, { turnsPerBlock: 10 ** 6 })
        await link()
      }
      await runUntil(world, () => toKinds().includes('identity_foreign'))
      await run(world, { turns: 1500, turnsPerBlock: 40 })
      expect((await stage.readWork(1))?.request.reason).toBe('identity_foreign')
      expect(await findIdentity(victim)).toBe(await findIdentity(attacker.address))
      expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
      expect(toKinds().filter((kind) => kind === 'identity_foreign')).toHaveLength(1)
      for (const claim of stage.sentClaims()) await stage.expectRevoked(claim)

      await stage.send(attacker, {
        ...{ to: chain.factory, abi: FACTORY, functionName: 'unlinkWallet', args: [victim], fees: FIRST },
      })
      await runUntil(world, hasClaim(1))
      expect(await findIdentity(victim)).not.toBe(await findIdentity(attacker.address))
      await truth()
      expect(noncesOf(ADD_CLAIM)).toHaveLength(2)
    })
  })

  it('sends nothing to an identity that needs more gas than is allowed, and holds up nobody', async () => {
    const { chain, world } = stage
    const greedy = await deploy('GreedyIdentity', [5_000_000n])
    stage.start({
      resolveIdentity: ({ caseId }) => (caseId === toCaseId(0) ? { identity: greedy } : { wallet: toWallet(chain, 1) }),
    })
    await decide(world, 0, true)
    await decide(world, 1, true)
    await runUntil(world, hasClaim(1))
    await runUntil(world, () => toKinds().includes('claim_refused'))
    await run(world, { turns: 1000, turnsPerBlock: 40 })
    expect((await stage.readWork(0))?.request.reason).toBe('chain_refused')
    expect(sendings().filter(({ to }) => to?.toLowerCase() === greedy.toLowerCase())).toEqual([])
    expect(toKinds()).toEqual(['claim_refused'])
    await decide(world, 0, false)
    await truth()
  })

  it('gives up a transaction that every node refuses: its nonce goes to a transfer of nothing, and the case goes on later', async () => {
    const { chain, world } = stage
    const { address } = chain.owner
    const refused = await chain.client.getTransactionCount({ address })
    world.intercept = ({ method, params = [] }) => {
      if (method !== 'eth_sendRawTransaction') return undefined
      const { nonce, data } = parseTransaction(params[0] as Hex)
      if (nonce !== refused || data === undefined) return undefined
      return Promise.reject(Object.assign(new Error('exceeds block gas limit'), { code: -32000 }))
    }
    stage.start()
    await decide(world, 0, true)
    await decide(world, 1, true)
    await runUntil(world, async () => (await hasClaim(0)()) && (await hasClaim(1)()))
    expect(toKinds().filter((kind) => kind !== 'nonce_gap')).toEqual(['transaction_refused'])
    const forms = sendings().filter(({ nonce }) => nonce === refused)
    expect(forms.at(-1)).toMatchObject({ to: address.toLowerCase() })
    expect(forms.at(-1)?.data).toBeUndefined()
    await truth()
    expect(noncesOf(CREATE)).toHaveLength(3)
    expect(noncesOf(ADD_CLAIM)).toHaveLength(2)
  })

  it('settles the case of a holder who removes the claim in the block that brings it', async () => {
    const { chain, world } = stage
    const holder = chain.account(7)
    const identity = await stage.createIdentity(holder)
    stage.start({ resolveIdentity: () => ({ identity }) })
    await decide(world, 0, true)
    await runUntil(world, () => noncesOf(ADD_CLAIM).length > 0, { turnsPerBlock: 10 ** 6 })
    const { baseFeePerGas } = await chain.client.getBlock()
    await stage.send(holder, {
      ...{ to: identity, abi: IDENTITY, functionName: 'removeClaim', args: [toClaimId(chain.issuer, TOPIC)] },
      fees: { maxFeePerGas: ((baseFeePerGas ?? 1n) * 11n) / 10n, maxPriorityFeePerGas: 1n },
    })
    await run(world, { turns: 40, turnsPerBlock: 10 ** 6 })
    await mine(world, 1)
    const { transactions } = await chain.client.getBlock()
    const receipts = await Promise.all(transactions.map((hash) => chain.client.getTransactionReceipt({ hash })))
    expect(receipts.map(({ from, status }) => [from, status])).toEqual([
      [chain.owner.address.toLowerCase(), 'success'],
      [holder.address.toLowerCase(), 'success'],
    ])
    await runUntil(world, isSettled(0))
    expect(await stage.listOpen()).toEqual([])
    expect(toKinds()).toEqual([])
    expect(await stage.readCase(0)).toMatchObject({ status: 'verified', kycClaimId: null })
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
    for (const claim of stage.sentClaims()) await stage.expectRevoked(claim)
  })

  it('asks an identity that lets go of claims in simulations only once, and ends the revocation', async () => {
    const { world } = stage
    const identity = await deploy('ClingingIdentity')
    stage.start({ resolveIdentity: () => ({ identity }) })
    await decide(world, 0, true)
    await runUntil(world, hasClaim(0))
    await decide(world, 0, false)
    await runUntil(world, hasNone(0))
    await truth()
    expect(noncesOf(REMOVE)).toHaveLength(1)
    expect(noncesOf(REVOKE)).toHaveLength(4)
    expect(toKinds()).toEqual(['transaction_reverted'])
  })

  it('spends ever less often on an identity that takes claims in simulations only', async () => {
    const { world } = stage
    const identity = await deploy('RefusingIdentity')
    stage.start({ resolveIdentity: () => ({ identity }), pollMs: 5000, parkedMs: 5000, maxParkedMs: 600_000 })
    await decide(world, 0, true)
    const end = world.scheduler.now() + 3_600_000
    while (world.scheduler.now() < end) {
      world.scheduler.advance(15_000)
      await run(world, { turns: 40, turnsPerBlock: 10 ** 6 })
      if ((await stage.listOpen()).length > 0) await stage.chain.test.mine({ blocks: 14 })
    }
    expect(noncesOf(ADD_CLAIM).length).toBeGreaterThan(4)
    expect(noncesOf(ADD_CLAIM).length).toBeLessThan(13)
    await decide(world, 0, false)
    await truth()
  })

  it('revokes a valid claim that no store knows before it puts another one in its place', async () => {
    stage.start()
    await decide(stage.world, 0, true)
    await runUntil(stage.world, hasClaim(0))
    stage.kill()
    await stage.loseStorage()
    // Verified anew: its claim has other data.
    stage.world.scheduler.advance(5000)
    stage.start()
    await decide(stage.world, 0, true)
    await runUntil(stage.world, hasClaim(0))
    const [orphan, claim] = stage.sentClaims()
    expect(claim?.data).not.toBe(orphan?.data)
    if (orphan !== undefined) await stage.expectRevoked(orphan)
    expect(Math.max(...noncesOf(REVOKE))).toBeLessThan(Math.max(...noncesOf(ADD_CLAIM)))
    await truth()
    expect(noncesOf(ADD_CLAIM)).toHaveLength(2)
    expect(noncesOf(REVOKE)).toHaveLength(4)
  })

  it('revokes a claim that was in no transaction: the endpoint that simulated it has seen its signature', async () => {
    const { chain, world } = stage
    const identity = await stage.createIdentity(chain.account(7))
    let calldata: Hex | null = null
    world.intercept = ({ method, params = [] }) => {
      const { data } = (params[0] ?? {}) as { data?: Hex }
      if (method !== 'eth_estimateGas' || !data?.startsWith(ADD_CLAIM)) return undefined
      calldata = data
      return Promise.reject(Object.assign(new Error('execution reverted'), { code: 3 }))
    }
    stage.start({ resolveIdentity: () => ({ identity }) })
    await decide(world, 0, true)
    await runUntil(world, () => calldata !== null)
    await decide(world, 0, false)
    await runUntil(world, isSettled(0))
    expect(noncesOf(ADD_CLAIM)).toEqual([])
    await stage.expectRevoked(toPlainClaim(identity, calldata ?? '0x'))
    await truth()
  })

  it('asks again where it never hears whose identity it is, and holds up nobody', async () => {
    const { chain, world } = stage
    let asked = 0
    stage.start({
      resolveTimeoutMs: 5000,
      resolveIdentity: ({ caseId }) => {
        if (caseId === toCaseId(1)) return { wallet: toWallet(chain, 1) }
        asked += 1
        return asked > 4 ? { wallet: toWallet(chain, 0) } : new Promise(() => {})
      },
    })
    await decide(world, 0, true)
    await runUntil(world, () => asked > 0)
    await decide(world, 1, true)
    await runUntil(world, hasClaim(1))
    await runUntil(world, hasClaim(0))
    expect(asked).toBeGreaterThan(4)
    await truth()
  })

  // The last one: after it, all keys of this process sign otherwise.
  it('finds its claim on the identity where its store is lost and its signer never signs twice alike', async () => {
    const issuer = stage.createIssuer({ signer: createRandomAccount(stage.chain) })
    stage.start({ issuer })
    await decide(stage.world, 0, true)
    await runUntil(stage.world, hasClaim(0))
    const { kycClaimTxHash } = await stage.readCase(0)
    stage.kill()
    await stage.loseStorage()
    stage.start({ issuer })
    await decide(stage.world, 0, true)
    await runUntil(stage.world, hasClaim(0))
    expect(await stage.readCase(0)).toMatchObject({ kycClaimTxHash })
    expect(noncesOf(ADD_CLAIM)).toHaveLength(1)
    await decide(stage.world, 0, false)
    await truth()
    expect(noncesOf(REVOKE)).toHaveLength(4)
  })
})

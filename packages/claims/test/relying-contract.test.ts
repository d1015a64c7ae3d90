import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Address,
  concat,
  encodeAbiParameters,
  encodeFunctionData,
  getAddress,
  type Hex,
  keccak256,
  type PrivateKeyAccount,
  parseAbi,
  parseAbiParameters,
  slice,
  stringToBytes,
  zeroAddress,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClaimIssuer } from '../src/claim-issuer.js'
import { type Deployment, deployContracts } from '../src/deploy.js'
import { type ClaimFault, verifyClaim } from '../src/verify-claim.js'
import { compileContracts } from './compile.js'
import { deployIssuer, SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { type DeployedContract, deployTrex, type Trex, transact } from './trex.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

const TOPIC = 42n
const LEVEL = 1n
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const IDENTITY = parseAbi([
  'function addClaim(uint256 topic, uint256 scheme, address issuer, bytes signature, bytes data, string uri) returns (bytes32)',
])
const FACTORY = parseAbi([
  'function createIdentityWithManagementKeys(address wallet, string salt, bytes32[] keys) returns (address)',
  'function getIdentity(address wallet) view returns (address)',
])
const ISSUER = parseAbi([
  'function addKey(bytes32 key, uint256 purpose, uint256 keyType) returns (bool)',
  'function removeKey(bytes32 key, uint256 purpose) returns (bool)',
  'function revokeClaimBySignature(bytes signature)',
])
const REGISTRY = parseAbi(['function addTrustedIssuer(address issuer, uint256[] topics)'])

/** Somebody with a wallet and an identity, which the service manages. */
interface Person {
  readonly wallet: Address
  readonly identity: Address
}

/** What is in a claim's data besides its domain. Default of each: what makes a claim count. */
interface Statement {
  readonly chainId?: bigint
  readonly issuer?: Address
  readonly level?: bigint
  readonly validUntil?: bigint
}

interface Claim {
  readonly topic: bigint
  readonly scheme: bigint
  readonly issuer: Address
  readonly signature: Hex
  readonly data: Hex
  readonly uri: string
}

// Claims are built here word by word, from the format's description and not with the library: the contract and these words
// are what the library is measured by.
const word = (value: bigint | Hex): Hex => `0x${BigInt(value).toString(16).padStart(64, '0')}`
const keyOf = (address: Address): Hex => keccak256(word(address))

async function signFor(signer: PrivateKeyAccount, identity: Address, topic: bigint, data: Hex): Promise<Hex> {
  const content = encodeAbiParameters(parseAbiParameters('address, uint256, bytes'), [identity, topic, data])
  return signer.signMessage({ message: { raw: keccak256(content) } })
}

describe.skipIf(SKIPPED !== null)(`a contract that relies on claims${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  let chain: TestChain
  let files: string
  let deployed: Deployment
  let signer: PrivateKeyAccount
  let token: DeployedContract
  let directory: DeployedContract
  let trex: Trex
  let snapshot: Hex

  beforeAll(async () => {
    chain = await startTestChain()
    files = await mkdtemp(join(tmpdir(), 'persona-kyc-test-'))
    signer = chain.account(5)
    deployed = await deployContracts({
      client: chain.client,
      account: chain.owner,
      signer: signer.address,
      topic: TOPIC,
      registry: true,
      file: join(files, 'addresses.json'),
    })
    directory = await deploy('HostileIdentity.sol', 'OpenDirectory')
    token = await deploy('RelyingToken.sol', 'RelyingToken', directory.address, registry(), TOPIC, LEVEL)
    trex = await deployTrex(chain, { trustedIssuers: registry(), topic: TOPIC })
  })

  afterAll(async () => {
    await chain?.local.stop()
    await rm(files, { recursive: true, force: true })
  })

  beforeEach(async () => {
    snapshot = await chain.test.snapshot()
  })

  afterEach(() => chain.test.revert({ id: snapshot }))

  const registry = () => deployed.trustedIssuersRegistry ?? zeroAddress
  const issuerAt = (address: Address) => ({ address, abi: ISSUER })

  async function deploy(file: string, name: string, ...args: readonly unknown[]): Promise<DeployedContract> {
    const artifact = compileContracts(file)[name]
    if (artifact === undefined) throw new Error(`There is no ${name} in ${file}.`)
    return { abi: artifact.abi, address: await chain.deploy(artifact, args) }
  }

  /** Another claim issuer of ONCHAINID's, with the signer's key. */
  async function createIssuer(): Promise<Address> {
    const issuer = await deployIssuer(chain)
    await transact(chain, issuerAt(issuer), 'addKey', keyOf(signer.address), 3n, 1n)
    return issuer
  }

  async function enter(person: Person): Promise<Person> {
    await transact(chain, directory, 'enter', person.wallet, person.identity)
    await trex.register(person.wallet, person.identity)
    return person
  }

  const newWallet = () => privateKeyToAccount(generatePrivateKey()).address

  async function createPerson(): Promise<Person> {
    const factory = { address: deployed.identityFactory, abi: FACTORY }
    const wallet = newWallet()
    await transact(chain, factory, 'createIdentityWithManagementKeys', wallet, wallet, [keyOf(chain.owner.address)])
    const identity = await chain.client.readContract({ ...factory, functionName: 'getIdentity', args: [wallet] })
    return enter({ wallet, identity })
  }

  function toData(statement: Statement = {}): Hex {
    const { chainId = BigInt(chain.local.chainId), issuer = deployed.claimIssuer } = statement
    const { level = LEVEL, validUntil = 0n } = statement
    const domain = keccak256(stringToBytes('persona-kyc.claim.v1'))
    const words = [domain, chainId, issuer, level, 1_700_000_000n, validUntil, keccak256('0x01')]
    return concat(words.map(word))
  }

  /** A claim that counts, but for what is given. */
  async function toClaim(identity: Address, changes: Partial<Claim> & { by?: PrivateKeyAccount } = {}): Promise<Claim> {
    const { by = signer, ...rest } = changes
    const claim = { topic: TOPIC, scheme: 1n, issuer: deployed.claimIssuer, data: toData(), uri: '', ...rest }
    return { signature: await signFor(by, identity, claim.topic, claim.data), ...claim }
  }

  function addClaim(identity: Address, { topic, scheme, issuer, signature, data, uri }: Claim): Promise<void> {
    return transact(
      chain,
      { address: identity, abi: IDENTITY },
      'addClaim',
      topic,
      scheme,
      issuer,
      signature,
      data,
      uri,
    )
  }

  /** A person with a claim that counts, but for what is given. */
  async function createVerified(changes: Parameters<typeof toClaim>[1] = {}): Promise<Person & { claim: Claim }> {
    const person = await createPerson()
    const claim = await toClaim(person.identity, changes)
    await addClaim(person.identity, claim)
    return { ...person, claim }
  }

  async function isVerified(wallet: Address): Promise<boolean> {
    const args = [wallet] as const
    const verdict = await chain.client.readContract({ ...token, functionName: 'isVerified', args })
    const mint = { ...token, functionName: 'mint', args: [wallet, 1n], account: chain.owner }
    const isMinted = await chain.client.simulateContract(mint).then(
      () => true,
      (error: Error) => {
        expect(error.message).toContain('NotVerified')
        return false
      },
    )
    expect(isMinted).toBe(verdict)
    return verdict === true
  }

  /** What the token, the code of ERC-3643 and the library say of the person. */
  async function judge({ wallet, identity }: Person) {
    const { client } = chain
    const verdict = await verifyClaim(client, {
      identity,
      issuer: deployed.claimIssuer,
      topic: TOPIC,
      minLevel: Number(LEVEL),
    })
    const library: true | ClaimFault = verdict.isValid || verdict.fault
    return { token: await isVerified(wallet), trex: await trex.isVerified(wallet), library }
  }

  const ACCEPTED = { token: true, trex: true, library: true }

  it('takes a verified person, as do ERC-3643 and the library', async () => {
    const person = await createVerified()
    expect(await judge(person)).toEqual(ACCEPTED)
    await transact(chain, token, 'mint', person.wallet, 5n)
    const read = { ...token, functionName: 'balanceOf', args: [person.wallet] }
    expect(await chain.client.readContract(read)).toBe(5n)
  })

  it('lets a token be given to a verified person only', async () => {
    const [holder, friend, stranger] = [await createVerified(), await createVerified(), await createPerson()]
    await transact(chain, token, 'mint', holder.wallet, 5n)
    const transfer = (to: Address) =>
      chain.client.call({
        account: holder.wallet,
        to: token.address,
        data: encodeFunctionData({ ...token, functionName: 'transfer', args: [to, 1n] }),
      })
    await expect(transfer(friend.wallet)).resolves.toMatchObject({ data: word(1n) })
    await expect(transfer(stranger.wallet)).rejects.toThrow()
  })

  it('finds the identity with ONCHAINID’s factory', async () => {
    const { abi, address } = await deploy(
      'RelyingToken.sol',
      'RelyingToken',
      deployed.identityFactory,
      registry(),
      TOPIC,
      LEVEL,
    )
    const ask = (wallet: Address) =>
      chain.client.readContract({ abi, address, functionName: 'isVerified', args: [wallet] })
    expect(await ask((await createVerified()).wallet)).toBe(true)
    expect(await ask((await createPerson()).wallet)).toBe(false)
    expect(await ask(newWallet())).toBe(false)
  })

  it('refuses who has no identity, and an identity without a claim', async () => {
    const nobody = newWallet()
    expect([await isVerified(nobody), await trex.isVerified(nobody)]).toEqual([false, false])
    expect(await judge(await createPerson())).toEqual({ token: false, trex: false, library: 'no_claim' })
  })

  it('refuses a claim of an issuer that is not trusted', async () => {
    const issuer = await createIssuer()
    const person = await createVerified({ issuer, data: toData({ issuer }) })
    expect(await judge(person)).toEqual({ token: false, trex: false, library: 'no_claim' })
    await transact(chain, { address: registry(), abi: REGISTRY }, 'addTrustedIssuer', issuer, [TOPIC])
    expect(await judge(person)).toEqual({ token: true, trex: true, library: 'no_claim' })
  })

  it('refuses a claim of another topic', async () => {
    const person = await createVerified({ topic: TOPIC + 1n })
    expect(await judge(person)).toEqual({ token: false, trex: false, library: 'no_claim' })
  })

  it('refuses a revoked claim', async () => {
    const person = await createVerified()
    await transact(chain, issuerAt(deployed.claimIssuer), 'revokeClaimBySignature', person.claim.signature)
    expect(await judge(person)).toEqual({ token: false, trex: false, library: 'invalid' })
  })

  // ONCHAINID 2.2.1 revokes the bytes of a signature, and accepts other bytes of the same: so does T-REX. That is why the token
  // looks at the encoding, and why the library revokes all four.
  it('refuses a revoked claim whose owner shows its signature in another encoding', async () => {
    const person = await createVerified()
    const { signature } = person.claim
    const [r, s, v] = [slice(signature, 0, 32), BigInt(slice(signature, 32, 64)), Number(slice(signature, 64))]
    await transact(chain, issuerAt(deployed.claimIssuer), 'revokeClaimBySignature', signature)
    for (const other of [
      concat([r, word(s), `0x0${v - 27}`]),
      concat([r, word(ORDER - s), v === 27 ? '0x1c' : '0x1b']),
      concat([r, word(ORDER - s), `0x0${28 - v}`]),
    ]) {
      await addClaim(person.identity, { ...person.claim, signature: other })
      expect(await judge(person)).toEqual({ token: false, trex: true, library: 'other_encoding' })
    }
  })

  it('refuses a claim whose signer has lost its key at the issuer', async () => {
    const person = await createVerified()
    await transact(chain, issuerAt(deployed.claimIssuer), 'removeKey', keyOf(signer.address), 3n)
    expect(await judge(person)).toEqual({ token: false, trex: false, library: 'invalid' })
  })

  // T-REX does not look into the data of a claim: whatever that says, its answer is that of the signature.
  it('takes a claim up to the second it is valid until, and refuses it after; T-REX does not look', async () => {
    const { timestamp } = await chain.client.getBlock()
    const validUntil = timestamp + 1000n
    const person = await createVerified({ data: toData({ validUntil }) })
    expect(await judge(person)).toEqual(ACCEPTED)
    const mint = async (time: bigint) => {
      await chain.test.setNextBlockTimestamp({ timestamp: time })
      const { wallet, owner, client } = chain
      const args = [person.wallet, 1n] as const
      const data = encodeFunctionData({ ...token, functionName: 'mint', args })
      const send = { to: token.address, data, gas: 1_000_000n, account: owner, chain: wallet.chain ?? null }
      const { status, blockNumber } = await client.waitForTransactionReceipt({
        hash: await wallet.sendTransaction(send),
      })
      expect((await client.getBlock({ blockNumber })).timestamp).toBe(time)
      return status
    }
    expect(await mint(validUntil)).toBe('success')
    expect(await mint(validUntil + 1n)).toBe('reverted')
    expect(await judge(person)).toEqual({ token: false, trex: true, library: 'expired' })
  })

  it('refuses a claim that is bound to another chain; T-REX does not look', async () => {
    const person = await createVerified({ data: toData({ chainId: 1n }) })
    expect(await judge(person)).toEqual({ token: false, trex: true, library: 'other_chain' })
  })

  it('refuses a claim that is bound to another issuer, though one key signs for both; T-REX does not look', async () => {
    const issuer = await createIssuer()
    const original = await createVerified({ issuer, data: toData({ issuer }) })
    await addClaim(original.identity, { ...original.claim, issuer: deployed.claimIssuer })
    expect(await judge(original)).toEqual({ token: false, trex: true, library: 'other_issuer' })
  })

  it('refuses a level that is too low; T-REX does not look', async () => {
    const person = await createVerified({ data: toData({ level: LEVEL - 1n }) })
    expect(await judge(person)).toEqual({ token: false, trex: true, library: 'level_too_low' })
  })

  it('refuses data of another format, signed by the issuer as it is; T-REX does not look', async () => {
    const data = toData()
    for (const other of [
      '0x' as const,
      slice(data, 0, 6 * 32),
      concat([data, word(0n)]),
      concat([keccak256('0x02'), slice(data, 32)]),
    ]) {
      const person = await createVerified({ data: other })
      expect(await judge(person)).toEqual({ token: false, trex: true, library: 'foreign_data' })
    }
  })

  describe('an address with more than 20 bytes in the data', () => {
    const toPadded = () => {
      const data = toData()
      return concat([slice(data, 0, 64), `0x${'01'.padEnd(24, '0')}`, slice(data, 76)])
    }

    it('is refused by the token; T-REX does not look', async () => {
      const { token, trex } = await judge(await createVerified({ data: toPadded() }))
      expect({ token, trex }).toEqual({ token: false, trex: true })
    })

    it('is refused by the library', async () => {
      const { library } = await judge(await createVerified({ data: toPadded() }))
      expect(library).toBe('foreign_data')
    })
  })

  it('refuses a claim of another scheme; T-REX does not look', async () => {
    const person = await createVerified({ scheme: 2n })
    expect(await judge(person)).toEqual({ token: false, trex: true, library: 'foreign_data' })
  })

  it('refuses the claim of another identity: ONCHAINID’s does not take it, and another may lie', async () => {
    const [verified, other] = [await createVerified(), await createPerson()]
    await expect(addClaim(other.identity, verified.claim)).rejects.toThrow('invalid claim')
    const liar = await createLiar(verified.claim)
    expect(await judge(liar)).toEqual({ token: false, trex: false, library: 'invalid' })
  })

  it('refuses what a person signed himself', async () => {
    const person = await createPerson()
    const by = privateKeyToAccount(generatePrivateKey())
    await expect(addClaim(person.identity, await toClaim(person.identity, { by }))).rejects.toThrow('invalid claim')
    const issuer = person.identity
    await addClaim(person.identity, await toClaim(person.identity, { by, issuer, data: toData({ issuer }) }))
    expect(await judge(person)).toEqual({ token: false, trex: false, library: 'no_claim' })
    const liar = await createLiar(await toClaim(person.identity, { by }))
    expect(await judge(liar)).toEqual({ token: false, trex: false, library: 'invalid' })
  })

  // T-REX 4.1.6 asks whichever issuer the identity names. ERC-3643 leaves it to the registry's agents to enter honest identities.
  it('asks the trusted issuer, not the one that an identity names; T-REX believes the identity', async () => {
    const liar = await createLiar(null)
    expect(await judge(liar)).toEqual({ token: false, trex: true, library: 'no_claim' })
  })

  it.each([
    ['reverts', 1],
    ['burns all gas', 2],
    ['gives no sense', 3],
  ])('says no, does not revert and does not pay much, where an identity %s', async (_, mood) => {
    const liar = await createLiar(null)
    await transact(chain, { address: liar.identity, abi: hostileAbi() }, 'behave', mood)
    expect(await isVerified(liar.wallet)).toBe(false)
    const { wallet, owner, client } = chain
    const data = encodeFunctionData({ ...token, functionName: 'isVerified', args: [liar.wallet] })
    const send = { to: token.address, data, gas: 5_000_000n, account: owner, chain: wallet.chain ?? null }
    const receipt = await client.waitForTransactionReceipt({ hash: await wallet.sendTransaction(send) })
    expect(receipt.status).toBe('success')
    expect(receipt.gasUsed).toBeLessThan(600_000n)
  })

  it('refuses a claim that an identity shows as one of another topic', async () => {
    const { identity, wallet } = await createLiar(null)
    const claim = { ...(await toClaim(identity)), topic: TOPIC + 1n }
    await transact(chain, { address: identity, abi: hostileAbi() }, 'show', claim)
    expect(await judge({ identity, wallet })).toEqual({ token: false, trex: false, library: 'no_claim' })
  })

  it('takes the claim of a second trusted issuer, though the first one breaks', async () => {
    const issuer = await createIssuer()
    await transact(chain, { address: registry(), abi: REGISTRY }, 'addTrustedIssuer', issuer, [TOPIC])
    const person = await createVerified({ issuer, data: toData({ issuer }) })
    await addClaim(person.identity, await toClaim(person.identity))
    await chain.test.setCode({ address: deployed.claimIssuer, bytecode: '0xfe' })
    expect([await isVerified(person.wallet), await trex.isVerified(person.wallet)]).toEqual([true, true])
    await chain.test.setCode({ address: issuer, bytecode: '0xfe' })
    expect([await isVerified(person.wallet), await trex.isVerified(person.wallet)]).toEqual([false, false])
  })

  it('takes what the library issues, until the library revokes it, in all encodings', async () => {
    const { client, wallet } = chain
    const issuer = createClaimIssuer({
      client,
      wallet,
      signer,
      issuer: deployed.claimIssuer,
      topic: TOPIC,
      confirmations: 1,
      validForSeconds: 3600,
    })
    const person = await createPerson()
    const verifiedAt = new Date(Number((await client.getBlock()).timestamp) * 1000)
    const { claim } = await issuer.issue({ identity: person.identity, caseId: crypto.randomUUID(), verifiedAt })
    expect(await judge(person)).toEqual(ACCEPTED)
    const validUntil = BigInt(verifiedAt.getTime() / 1000 + 3600)
    const words = Array.from({ length: 6 }, (_, index) => slice(claim.data, index * 32, index * 32 + 32))
    const expected = Array.from({ length: 6 }, (_, index) => slice(toData({ validUntil }), index * 32, index * 32 + 32))
    expect([...words.slice(0, 4), words[5]]).toEqual([...expected.slice(0, 4), expected[5]])
    await issuer.revoke(claim)
    expect(await judge(person)).toEqual({ token: false, trex: false, library: 'invalid' })
    const [r, s, v] = [
      slice(claim.signature, 0, 32),
      BigInt(slice(claim.signature, 32, 64)),
      Number(slice(claim.signature, 64)),
    ]
    const other = concat([r, word(ORDER - s), v === 27 ? '0x1c' : '0x1b'])
    await expect(addClaim(person.identity, { ...claim, scheme: 1n, signature: other })).rejects.toThrow('invalid claim')
  })

  const hostileAbi = () => compileContracts('HostileIdentity.sol').HostileIdentity?.abi ?? []

  /** Somebody whose identity shows that claim; null for one that the identity itself vouches for. */
  async function createLiar(shown: Claim | null): Promise<Person> {
    const { abi, address } = await deploy('HostileIdentity.sol', 'HostileIdentity')
    const claim = shown ?? (await toClaim(address, { issuer: getAddress(address) }))
    await transact(chain, { abi, address }, 'show', claim)
    return enter({ wallet: newWallet(), identity: address })
  }
})

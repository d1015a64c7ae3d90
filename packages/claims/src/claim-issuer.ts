import { ConfigurationError, KycError } from '@persona-kyc/core'
import {
  type Account,
  type Address,
  getAddress,
  type Hash,
  isAddress,
  type LocalAccount,
  type PublicClient,
} from 'viem'
import { type ContractCall, toAddClaimCall, toRemoveCall, toRevokeCall } from './calls.js'
import { type ChainClient, type ChainWallet, toPublicClient, toWalletClient } from './chain-client.js'
import { askChain, chainRefused } from './chain-error.js'
import { createChainIdCheck } from './chain-id.js'
import { hasClaimKey, hasCode, listUnrevoked, readClaim } from './chain-view.js'
import { type SignedClaim, toClaimDigest, toClaimId, type UnsignedClaim } from './claim.js'
import { encodeClaimData } from './claim-data.js'
import { findIssuance, findShown } from './find-issuance.js'
import { toCanonicalSignature } from './signature-encodings.js'

/** What {@link createClaimIssuer} accepts. */
export interface ClaimIssuerOptions {
  /** Reads the chain. Give it several RPC endpoints with viem's `fallback`. */
  readonly client: ChainClient
  /**
   * Sends. Its account must be one that signs here: a local key, or a KMS or HSM through viem's `toAccount`. It needs a
   * key with the purpose MANAGEMENT on the issuer's contract to revoke, and one with CLAIM on identities to issue.
   */
  readonly wallet: ChainWallet
  /** Signs the claims; the issuer's contract must have its key with the purpose CLAIM. Default: the wallet's account. */
  readonly signer?: LocalAccount | undefined
  /** The contract of the claim issuer. */
  readonly issuer: Address
  /** What the claims are about: 1 to 2^256 - 1, agreed with those who rely on them. */
  readonly topic: bigint
  /** How thoroughly a verified person was checked: a number of the app's own, in clear in the claim. Default 1. */
  readonly level?: number | undefined
  /** For how many seconds after the verification a claim counts. Default: without end. */
  readonly validForSeconds?: number | undefined
  /** Where relying parties find more. In clear on chain: never personal. Default: nothing. */
  readonly uri?: string | undefined
  /**
   * How many blocks a transaction needs to count, its own included: one more than the deepest reorganisation that is
   * survived. Default 13.
   */
  readonly confirmations?: number | undefined
}

/** Which verification a claim is for. */
export interface ClaimInput {
  readonly identity: Address
  readonly caseId: string
  readonly verifiedAt: Date
  /** 1 for the first claim of the case, another number for each after a revoked one. Default 1. */
  readonly generation?: number | undefined
}

/** A claim that is confirmed on chain, and the reference for `PUT /compliance/kyc/:case_id/claim`. */
export interface IssuedClaim {
  readonly claim: SignedClaim
  readonly claimId: Hash
  readonly txHash: Hash
}

/** Issues and revokes claims, one at a time. For a whole feed there is `runIdentityService`. */
export interface ClaimIssuer extends Pick<ClaimIssuerOptions, 'issuer' | 'topic'> {
  /** Reads the chain. */
  readonly client: PublicClient
  /** How many blocks a transaction needs to count, its own included. */
  readonly confirmations: number
  /** The account that sends. */
  readonly sender: LocalAccount
  /** The address whose key signs the claims. */
  readonly signer: Address
  /** The id of this issuer's claim of this topic on every identity. */
  readonly claimId: Hash
  /** Resolves with the chain's id. Rejects with `chain_mismatch` where client and wallet mean different chains. */
  chainId(): Promise<number>
  /** Builds and signs a claim. Nothing is sent. With a local key the same input gives the same signature. */
  sign(input: ClaimInput): Promise<SignedClaim>
  /**
   * Signs the claim, checks it by simulation, sends it, and resolves once it is confirmed. What is on chain already is
   * not sent again. Rejects with `identity_missing`, `chain_refused`, `chain_funds_missing`, `chain_unconfirmed`,
   * `chain_mismatch` or `chain_unreachable`.
   */
  issue(input: ClaimInput): Promise<IssuedClaim>
  /** Revokes every encoding of the claim's signature that would be valid. Resolves with the confirmed transactions. */
  revoke(claim: SignedClaim): Promise<readonly Hash[]>
  /** Takes this issuer's claim from the identity; null where there is none, or the sender has no key that may. */
  remove(identity: Address): Promise<Hash | null>
}

/**
 * Returns an issuer of claims.
 *
 * @throws ConfigurationError when an option is missing or malformed.
 */
export function createClaimIssuer(options: ClaimIssuerOptions): ClaimIssuer {
  const { topic, confirmations = 13, level = 1, validForSeconds, uri = '' } = options
  const client = toPublicClient(options.client)
  const wallet = toWalletClient(options.wallet)
  const issuer = requireAddress('issuer', options.issuer)
  const sender = requireSigningAccount(wallet.account)
  const signer = options.signer === undefined ? sender : requireSigner(options.signer)
  requireNumbers({ topic, confirmations, level, validForSeconds })
  const claimId = toClaimId(issuer, topic)
  const { chainId, requireSame } = createChainIdCheck(client, wallet)

  const build = async ({ identity, caseId, verifiedAt, generation = 1 }: ClaimInput): Promise<UnsignedClaim> => {
    const verifiedAtSeconds = Math.floor(verifiedAt.getTime() / 1000)
    const data = encodeClaimData({
      chainId: await chainId(),
      issuer,
      identity,
      topic,
      caseId,
      generation,
      level,
      verifiedAtSeconds,
      validUntilSeconds: validForSeconds === undefined ? null : verifiedAtSeconds + validForSeconds,
    })
    return { identity, topic, data, issuer, uri }
  }
  const signClaim = async (claim: UnsignedClaim): Promise<SignedClaim> => {
    const signature = await signer.signMessage({ message: { raw: toClaimDigest(claim) } })
    return { ...claim, signature: toCanonicalSignature(signature) }
  }
  const send = async (call: ContractCall): Promise<Hash> => {
    await requireSame()
    const gas = await askChain(() => client.estimateGas({ ...call, account: sender.address }))
    const hash = await askChain(() =>
      wallet.sendTransaction({ ...call, account: sender, chain: wallet.chain ?? null, gas: withReserve(gas) }),
    )
    return confirm(client, hash, confirmations)
  }

  return {
    client,
    issuer,
    topic,
    confirmations,
    sender,
    signer: signer.address,
    claimId,
    chainId,
    sign: async (input) => signClaim(await build(input)),
    async issue(input) {
      const unsigned = await build(input)
      const shown = await findShown(client, unsigned)
      const found = shown?.isCanonical ? await findIssuance(client, shown.claim) : null
      if (shown !== null && found !== null) {
        return { claim: shown.claim, claimId, txHash: await confirm(client, found.txHash, confirmations) }
      }
      // A call of an address without a contract succeeds, and does nothing.
      if (!(await hasCode(client, unsigned.identity))) throw identityMissing()
      const claim = shown?.claim ?? (await signClaim(unsigned))
      return { claim, claimId, txHash: await send(toAddClaimCall(claim)) }
    },
    async revoke(claim) {
      const sent: Hash[] = []
      // The contract is asked anew each time: where it knows the encodings of one signature, the first revokes them all.
      for (;;) {
        const [encoding] = await listUnrevoked(client, claim)
        if (encoding === undefined) return sent
        sent.push(await send(toRevokeCall(claim.issuer, encoding)))
      }
    },
    async remove(identity) {
      if ((await readClaim(client, { identity, issuer, topic })) === null) return null
      return (await hasClaimKey(client, identity, sender.address)) ? send(toRemoveCall(identity, claimId)) : null
    },
  }
}

/** The gas limit for what a simulation used: state may differ a little when it is mined. */
export function withReserve(gas: bigint): bigint {
  return (gas * 5n) / 4n
}

async function confirm(client: PublicClient, hash: Hash, confirmations: number): Promise<Hash> {
  let isOther = false
  const onReplaced = ({ reason }: { readonly reason: string }) => {
    isOther = reason !== 'repriced'
  }
  const receipt = await client.waitForTransactionReceipt({ hash, confirmations, onReplaced }).catch(() => {
    throw unconfirmed()
  })
  // Another transaction has its nonce, and its receipt says nothing of this one.
  if (isOther) throw unconfirmed()
  if (receipt.status === 'success') return receipt.transactionHash
  throw chainRefused()
}

function unconfirmed(): KycError {
  return new KycError('chain_unconfirmed', {
    problem: 'The transaction was sent and is not confirmed in time, or another one took its place.',
    fix: 'Repeat the call later: what is on chain by then is not sent again.',
  })
}

function identityMissing(): KycError {
  return new KycError('identity_missing', {
    problem: 'There is no contract at the address of the identity.',
    fix: 'Create the identity first, with createIdentityFactory for example, and check the chain.',
  })
}

function requireSigner(signer: LocalAccount): LocalAccount {
  if (signer?.type === 'local' && typeof signer.signMessage === 'function') return signer
  throw new ConfigurationError({
    problem: 'signer is no account that signs in this process.',
    fix: 'Give one of privateKeyToAccount, or of viem’s toAccount for a KMS.',
  })
}

function requireSigningAccount(account: Account | undefined): LocalAccount {
  if (account?.type === 'local') return account
  throw new ConfigurationError({
    problem: 'The wallet has no account that signs in this process.',
    fix: 'Make it with createWalletClient({ account: privateKeyToAccount(key), … }), or with an account of viem’s toAccount for a KMS.',
  })
}

function requireAddress(name: string, address: string): Address {
  if (isAddress(address, { strict: false })) return getAddress(address)
  throw new ConfigurationError({ problem: `${name} is no address.`, fix: 'Give 0x and 40 hex digits.' })
}

function requireNumbers(numbers: {
  readonly topic: bigint
  readonly confirmations: number
  readonly level: number
  readonly validForSeconds: number | undefined
}): void {
  const { topic, confirmations, level, validForSeconds = 1 } = numbers
  if (typeof topic !== 'bigint' || topic < 1n || topic >= 2n ** 256n) {
    // An identity takes topic 0 for no claim: such a claim could never be removed.
    throw new ConfigurationError({ problem: 'topic is no claim topic.', fix: 'Give a bigint from 1 to 2^256 - 1.' })
  }
  for (const [name, value, least] of [
    ['confirmations', confirmations, 1],
    ['level', level, 0],
    ['validForSeconds', validForSeconds, 1],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least && value < 2 ** 40) continue
    throw new ConfigurationError({
      problem: `${name} is not a whole number from ${least}.`,
      fix: 'Leave it out for the default.',
    })
  }
}

import type { ClaimState, ClaimWork, NewChainTransaction, StoredClaim } from '@persona-kyc/core'
import { type Hex, keccak256 } from 'viem'
import { toRemoveCall, toRevokeCall } from './calls.js'
import { countVoid, findTransaction, type Step, toOwnPurpose, toSignedClaim, toTransaction, wait } from './case-step.js'
import { hasClaimCode } from './chain-error.js'
import { hasClaimKey, isSameClaim, listUnrevoked, readClaim } from './chain-view.js'
import type { SignedClaim } from './claim.js'
import type { Head, ServiceContext } from './service-context.js'
import { toCanonicalSignature } from './signature-encodings.js'

/** What is revoked. */
export interface Revocation {
  readonly work: ClaimWork
  readonly stored: StoredClaim
  readonly head: Head
}

/**
 * Makes a claim invalid in every encoding of its signature, takes it from its identity, and its reference from the case.
 * Also one that no transaction was made of: the RPC endpoint that was asked to simulate it has seen its signature.
 */
export async function stepRevoke(context: ServiceContext, revocation: Revocation): Promise<Step> {
  const claim = toSignedClaim(revocation.stored)
  const step = (await revokeEncodings(context, revocation, claim)) ?? (await removeClaim(context, revocation, claim))
  return step ?? finish(context, revocation.stored, revocation.head)
}

/** The transactions that revoke what is still valid; null once nothing is, in a block that counts as final. */
async function revokeEncodings(
  context: ServiceContext,
  { work, stored, head }: Revocation,
  claim: SignedClaim,
): Promise<Step | null> {
  const unrevoked = await listUnrevoked(context.issuer.client, claim)
  if (unrevoked.length === 0) return (await isRevokedForGood(context, claim, head)) ? null : wait('unconfirmed')
  const transactions = await toRevocations(context, { work, stored, state: 'revoking' }, claim, unrevoked)
  // The rest follows as soon as the first is in a block, so there is no waiting until it is final.
  const isFirst = unrevoked.includes(toCanonicalSignature(claim.signature))
  return transactions.length === 0 && isFirst ? wait('revoking') : { kind: 'sent', transactions }
}

/** Resolves with the transactions that are missing to revoke a claim: for the canonical encoding first, then for the others. */
export async function toRevocations(
  context: ServiceContext,
  { work, stored, state }: Pick<Revocation, 'work' | 'stored'> & { readonly state: ClaimState },
  claim: SignedClaim,
  known?: readonly Hex[],
): Promise<NewChainTransaction[]> {
  const unrevoked = known ?? (await listUnrevoked(context.issuer.client, claim))
  const canonical = toCanonicalSignature(claim.signature)
  // First what identities show. Where the contract knows the encodings of one signature, that revokes them all.
  const next = unrevoked.includes(canonical) ? [canonical] : unrevoked
  const missing = next.filter((encoding) => findTransaction(context, work, toRevokePurpose(encoding)) === undefined)
  const { caseId, generation } = stored
  return Promise.all(
    missing.map((encoding) =>
      toTransaction(context, toRevokeCall(claim.issuer, encoding), {
        purpose: toOwnPurpose(context, work, toRevokePurpose(encoding)),
        caseId,
        claim: { generation, state },
      }),
    ),
  )
}

function toRevokePurpose(encoding: Hex): string {
  return `revoke:${keccak256(encoding)}`
}

async function isRevokedForGood(
  { issuer: { client }, witnesses }: ServiceContext,
  claim: SignedClaim,
  { confirmed: blockNumber }: Head,
): Promise<boolean> {
  if (blockNumber === null) return false
  const views = [client, ...witnesses].map((view) => listUnrevoked(view, claim, { blockNumber }))
  return (await Promise.all(views)).every(({ length }) => length === 0)
}

/**
 * The transaction that takes the claim from its identity; null where it is gone, or must stay. It is invalid either way, so
 * an identity that does not let go of it is not asked twice.
 */
async function removeClaim(
  context: ServiceContext,
  { work, stored }: Revocation,
  claim: SignedClaim,
): Promise<Step | null> {
  const { issuer, removesRevoked } = context
  const { caseId, generation, claimId } = stored
  const purpose = `remove:${caseId}:${generation}`
  const transaction = findTransaction(context, work, purpose)
  if (transaction?.state === 'open') return { kind: 'sent', transactions: [] }
  if (!removesRevoked || transaction !== undefined || countVoid(context, work, purpose) > 0) return null
  if (!isSameClaim(await readClaim(issuer.client, claim), claim)) return null
  if (!(await hasClaimKey(issuer.client, claim.identity, issuer.sender.address))) return null
  const own = {
    purpose: toOwnPurpose(context, work, purpose),
    caseId,
    claim: { generation, state: 'revoking' } as const,
  }
  try {
    const call = toRemoveCall(claim.identity, claimId as Hex)
    return { kind: 'sent', transactions: [await toTransaction(context, call, own)] }
  } catch (error) {
    if (!hasClaimCode(error, 'chain_refused')) throw error
    context.logger.warn({ caseId, identity: claim.identity }, 'the identity does not let go of a revoked claim')
    return null
  }
}

async function finish(context: ServiceContext, stored: StoredClaim, head: Head): Promise<Step> {
  const { source, store, logger, measure } = context
  const { caseId, generation, txHash, claimId } = stored
  const reference = await findReference(context, stored)
  if (reference !== null) await source.clearClaim(caseId, reference)
  await store.moveClaim({ caseId, generation }, { from: ['revoking'], to: 'revoked', now: new Date(context.now()) })
  logger.info({ caseId, generation, claimId, txHash, block: Number(head.number) }, 'claim revoked')
  measure({ name: 'claim_revoked' })
  return { kind: 'again' }
}

/** The reference that the case may have of this claim, also where a process died between storing and noting it. */
async function findReference({ source }: ServiceContext, { caseId, claimId, txHash }: StoredClaim) {
  if (txHash !== null) return { kycClaimId: claimId, kycClaimTxHash: txHash }
  const kycCase = await source.readCase(caseId)
  return kycCase?.claim?.kycClaimId === claimId ? kycCase.claim : null
}

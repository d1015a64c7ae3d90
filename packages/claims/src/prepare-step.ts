import type { ClaimWork, StoredClaim } from '@persona-kyc/core'
import type { Address } from 'viem'
import { findTransaction, park, type Step, toTransaction, wait } from './case-step.js'
import { hasClaimKey, hasCode } from './chain-view.js'
import type { SignedClaim } from './claim.js'
import type { ClaimableCase } from './claim-source.js'
import { stepIssue } from './issue-step.js'
import type { Head, IdentityChoice, ServiceContext } from './service-context.js'

/** Finds or creates the identity of a verified case, and signs a claim for it. The claim is stored before anything is sent. */
export async function stepPrepare(context: ServiceContext, work: ClaimWork, head: Head): Promise<Step> {
  const { request, claims } = work
  const kycCase = await context.source.readCase(request.caseId)
  if (kycCase === null || kycCase.verifiedAt === null) {
    // A source that lags behind the request will know better soon.
    return kycCase !== null && kycCase.revision < request.revision ? wait('source_lags') : settle('not_verified')
  }
  const last = claims.at(-1)
  // Another case of the same person, verified later, has the identity's claim.
  if (last?.supersededBy && last.verifiedAt.getTime() === kycCase.verifiedAt.getTime()) return settle('superseded')
  const found = await findIdentity(context, work, kycCase)
  if ('kind' in found) return found
  const { identity } = found
  const obstacle = await findObstacle(context, identity)
  if (obstacle !== null) return obstacle
  const { caseId, verifiedAt } = kycCase
  const generation = (last?.generation ?? 0) + 1
  const claim = await context.issuer.sign({ identity, caseId, verifiedAt, generation })
  const stored = await store(context, work, { claim, generation, verifiedAt })
  if (stored === null) return { kind: 'again' }
  if (stored.caseId !== caseId) return supersede(context, stored, { caseId, verifiedAt })
  return stored.state === 'signed' ? stepIssue(context, { work, stored, head }) : { kind: 'again' }
}

/** Why the sender cannot give claims to the identity; null where it can. */
async function findObstacle({ issuer: { client, sender } }: ServiceContext, identity: Address): Promise<Step | null> {
  if (await hasClaimKey(client, identity, sender.address)) return null
  return park((await hasCode(client, identity)) ? 'identity_not_writable' : 'identity_missing')
}

function settle(reason: string): Step {
  return { kind: 'settled', reason }
}

async function findIdentity(
  context: ServiceContext,
  work: ClaimWork,
  kycCase: ClaimableCase,
): Promise<{ identity: Address } | Step> {
  const choice: IdentityChoice | null = await context.resolveIdentity(kycCase)
  if (choice === null) return park('identity_missing')
  const { factory } = context
  if ('identity' in choice) return choice
  if (factory === null) return park('factory_missing')
  const identity = await factory.find(choice.wallet)
  if (identity !== null) return { identity }
  const purpose = `identity:${(await factory.predict(choice.wallet)).toLowerCase()}`
  if (findTransaction(work, purpose) !== undefined) return wait('identity_pending')
  const { caseId } = kycCase
  const call = await factory.toCreateCall(choice.wallet)
  context.measure({ name: 'identity_created' })
  return { kind: 'sent', transactions: [await toTransaction(context, call, { purpose, caseId, claim: null })] }
}

function store(
  { store: storage, issuer, chainId, now }: ServiceContext,
  { request }: ClaimWork,
  { claim, generation, verifiedAt }: { claim: SignedClaim; generation: number; verifiedAt: Date },
): Promise<StoredClaim | null> {
  const { caseId, revision } = request
  return storage.addClaim({
    caseId,
    generation,
    revision,
    chainId,
    issuer: issuer.issuer.toLowerCase(),
    topic: issuer.topic.toString(),
    identity: claim.identity.toLowerCase(),
    claimId: issuer.claimId,
    data: claim.data,
    signature: claim.signature,
    uri: claim.uri,
    verifiedAt,
    now: new Date(now()),
  })
}

/** An identity has one claim of an issuer and topic: of two cases, the one that was verified later has it. */
async function supersede(
  { store: storage, now }: ServiceContext,
  holder: StoredClaim,
  { caseId, verifiedAt }: { caseId: string; verifiedAt: Date },
): Promise<Step> {
  const difference = verifiedAt.getTime() - holder.verifiedAt.getTime()
  const isLater = difference > 0 || (difference === 0 && caseId > holder.caseId)
  if (holder.state === 'revoking') return wait('superseding')
  if (!isLater) return settle('superseded')
  const key = { caseId: holder.caseId, generation: holder.generation }
  const date = new Date(now())
  await storage.moveClaim(key, { from: ['signed', 'issued'], to: 'revoking', supersededBy: caseId, now: date })
  await storage.recallClaimRequest(holder.caseId, date)
  return wait('superseding')
}

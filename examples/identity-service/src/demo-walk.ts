import { setTimeout as delay } from 'node:timers/promises'
import { toSignatureEncodings, verifyClaim } from '@persona-kyc/claims'
import type { KycCaseView } from '@persona-kyc/core'
import { callApi, type Stage, simulate } from '@persona-kyc/example-service'
import { type Address, type Hash, type Hex, zeroAddress } from 'viem'
import { claimAbi, factoryAbi } from './abi.js'
import type { ConnectedChain } from './chain.js'
import { toFakeWallet } from './wallets.js'

const USER_ID = 'user_ada'
const POLL_MS = 100
const TIMEOUT_MS = 120_000

/** What the chain shows of a person's claim. */
interface ShownClaim {
  readonly identity: Address
  readonly signature: Hex
  readonly data: Hex
}

/**
 * Takes one person from the first request to a claim, and to the end of it. Every step is a real HTTP request or
 * transaction. Rejects where the Identity Service, `working`, ends or takes too long.
 */
export async function walk(stage: Stage, chain: ConnectedChain, working: Promise<void>): Promise<void> {
  const { printer } = stage
  const until = (caseId: string, isReached: (kycCase: KycCaseView) => boolean) =>
    Promise.race([untilCase(stage, caseId, isReached), working.then(fail)])

  printer.heading('1 · Ada is verified')
  const { caseId, inquiryId } = await verify(stage)
  printer.heading('2 · The Identity Service issues the claim')
  printer.say(
    'It finds the case in the feed, creates Ada’s identity, adds a claim to it, and waits until both are confirmed.',
  )
  await until(caseId, ({ kycClaimId }) => kycClaimId !== null)
  await callApi(stage, 'GET', `/compliance/kyc/${caseId}`)
  const claim = await showClaim(stage, chain, caseId)

  printer.heading('3 · Ada is declined after all')
  printer.say('Somebody at Persona looks again, and declines. The claim must not count any more:')
  await simulate(stage, inquiryId, ['decline_inquiry'])
  printer.say('The Identity Service revokes every encoding of the signature, and takes the claim from the identity.')
  await until(caseId, ({ kycClaimId }) => kycClaimId === null)
  await showRevocation(stage, chain, claim)
  printer.say('The reference is gone from the case:')
  await callApi(stage, 'GET', `/compliance/kyc/${caseId}`)
}

async function verify(stage: Stage): Promise<{ readonly caseId: string; readonly inquiryId: string }> {
  stage.printer.say('The backend starts a verification.')
  const answer = await callApi(stage, 'POST', '/compliance/kyc', {
    user_id: USER_ID,
    document_type: 'passport',
    personal_info: { name_first: 'Ada' },
  })
  const { case_id: caseId, persona_inquiry_id: inquiryId } = answer
  stage.printer.say('Ada shows her passport and her face to Persona. It tells the backend by signed webhooks:')
  await simulate(stage, String(inquiryId), ['start_inquiry', 'complete_inquiry'])
  return { caseId: String(caseId), inquiryId: String(inquiryId) }
}

/** Prints what the case refers to, as the chain shows it. */
async function showClaim({ printer, service }: Stage, chain: ConnectedChain, caseId: string): Promise<ShownClaim> {
  const { client, issuer, topic, claimId } = chain.issuer
  const { kycClaimTxHash } = await service.engine.getCase(caseId)
  const hash = kycClaimTxHash as Hash
  const receipt = await client.getTransactionReceipt({ hash })
  const identity = await findIdentity(chain)
  const args = [claimId] as const
  const [, , , signature, data] = await client.readContract({
    address: identity,
    abi: claimAbi,
    functionName: 'getClaim',
    args,
  })
  const verdict = await verifyClaim(client, { identity, issuer, topic })
  printer.facts('on chain', {
    case: caseId,
    identity,
    'claim id': claimId,
    transaction: hash,
    'its receipt': `${receipt.status}, in block ${receipt.blockNumber}`,
    isClaimValid: await isClaimValid(chain, { identity, signature, data }),
    verifyClaim: verdict.isValid ? `valid: ${toStatement(verdict.statement)}` : `not valid: ${verdict.fault}`,
  })
  return { identity, signature, data }
}

/** Asks the claim issuer’s contract about all that recovers to the signer’s key. */
async function showRevocation({ printer }: Stage, chain: ConnectedChain, claim: ShownClaim): Promise<void> {
  const { client, issuer, topic } = chain.issuer
  const { identity } = claim
  const verdict = await verifyClaim(client, { identity, issuer, topic })
  const answers = await Promise.all(
    toSignatureEncodings(claim.signature).map((signature) => isClaimValid(chain, { ...claim, signature })),
  )
  const names = ['r, s, v', 'r, s, v - 27', 'r, n - s, v', 'r, n - s, v - 27']
  printer.facts('on chain', {
    identity,
    ...Object.fromEntries(names.map((name, index) => [`isClaimValid (${name})`, answers[index]])),
    verifyClaim: verdict.isValid ? 'valid' : `not valid: ${verdict.fault}`,
  })
}

async function findIdentity({ issuer: { client }, factory }: ConnectedChain): Promise<Address> {
  const { wallet } = toFakeWallet({ userId: USER_ID })
  const call = { address: factory ?? zeroAddress, abi: factoryAbi, functionName: 'getIdentity' } as const
  return client.readContract({ ...call, args: [wallet] })
}

function isClaimValid({ issuer }: ConnectedChain, { identity, signature, data }: ShownClaim): Promise<boolean> {
  const { client, issuer: address, topic } = issuer
  const args = [identity, topic, signature, data] as const
  return client.readContract({ address, abi: claimAbi, functionName: 'isClaimValid', args })
}

function toStatement({
  level,
  verifiedAtSeconds,
}: {
  readonly level: number
  readonly verifiedAtSeconds: number
}): string {
  return `level ${level}, verified at ${new Date(verifiedAtSeconds * 1000).toISOString()}`
}

async function untilCase(
  { service }: Stage,
  caseId: string,
  isReached: (kycCase: KycCaseView) => boolean,
): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS
  while (!isReached(await service.engine.getCase(caseId))) {
    if (Date.now() > deadline) throw new Error('The Identity Service took too long.')
    await delay(POLL_MS)
  }
}

function fail(): never {
  throw new Error('The Identity Service has ended.')
}

import type { ClaimRequest, ClaimStorage, NewStoredClaim, StoredClaim } from './claim-storage.js'
import { createMemoryChainTransactions } from './memory-chain-transactions.js'

/** Returns the part of the storage in memory that is about claims on chain. */
export function createMemoryClaims(): ClaimStorage {
  const requests = new Map<string, ClaimRequest>()
  const claims = new Map<string, StoredClaim>()

  const recall = (caseId: string, dueAt: Date, test: (request: ClaimRequest) => boolean = () => true) => {
    const request = requests.get(caseId)
    if (request === undefined || !test(request)) return false
    requests.set(caseId, { ...request, dueAt, recalls: request.recalls + 1 })
    return true
  }
  const put = (claim: StoredClaim): StoredClaim => {
    claims.set(toKey(claim), claim)
    return claim
  }
  const find = (test: (claim: StoredClaim) => boolean) =>
    [...claims.values()].find((claim) => claim.state !== 'revoked' && test(claim))

  const { transactionsOf, ...transactions } = createMemoryChainTransactions({
    isInState: (caseId, { generation, state }) => claims.get(toKey({ caseId, generation }))?.state === state,
    hasten: (caseId, now) => recall(caseId, now, ({ dueAt }) => dueAt !== null),
  })

  return {
    ...transactions,

    async requestClaim({ caseId, revision, wantsClaim, now }) {
      const noted = requests.get(caseId)
      if (noted !== undefined && noted.revision >= revision) return false
      requests.set(caseId, { caseId, revision, wantsClaim, dueAt: now, reason: null, attempts: 0, recalls: 0 })
      return true
    },

    async recallClaimRequest(caseId, dueAt) {
      return recall(caseId, dueAt)
    },

    async listDueClaims({ now, limit }) {
      const due = [...requests.values()].flatMap((request) =>
        request.dueAt !== null && request.dueAt <= now ? [{ request, time: request.dueAt.getTime() }] : [],
      )
      return due
        .sort((left, right) => left.time - right.time)
        .slice(0, limit)
        .map(({ request }) => ({
          request,
          claims: [...claims.values()]
            .filter(({ caseId }) => caseId === request.caseId)
            .sort((left, right) => left.generation - right.generation),
          transactions: transactionsOf(request.caseId),
        }))
    },

    async deferClaimRequest(caseId, { revision, recalls, dueAt, reason, attempts }) {
      const noted = requests.get(caseId)
      if (noted === undefined || noted.revision !== revision || noted.recalls !== recalls) return false
      requests.set(caseId, { ...noted, dueAt, reason, attempts })
      return true
    },

    async addClaim({ now, revision, ...claim }) {
      const request = requests.get(claim.caseId)
      if (request?.revision !== revision || !request.wantsClaim) return null
      const existing =
        find(({ caseId }) => caseId === claim.caseId) ??
        find((other) => isOfOneSlot(other, claim)) ??
        claims.get(toKey(claim))
      return (
        existing ?? put({ ...claim, state: 'signed', txHash: null, supersededBy: null, createdAt: now, updatedAt: now })
      )
    },

    async moveClaim(key, { from, to, txHash, supersededBy, now }) {
      const claim = claims.get(toKey(key))
      if (claim === undefined || !from.includes(claim.state)) return null
      return put({
        ...claim,
        state: to,
        txHash: txHash ?? claim.txHash,
        supersededBy: supersededBy ?? claim.supersededBy,
        updatedAt: now,
      })
    },
  }
}

type Slot = Pick<NewStoredClaim, 'chainId' | 'issuer' | 'topic' | 'identity'>

function isOfOneSlot(left: Slot, right: Slot): boolean {
  return (
    left.chainId === right.chainId &&
    left.issuer === right.issuer &&
    left.topic === right.topic &&
    left.identity === right.identity
  )
}

function toKey({ caseId, generation }: Pick<StoredClaim, 'caseId' | 'generation'>): string {
  return `${generation} ${caseId}`
}

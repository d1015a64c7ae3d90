import type { ClaimWork, KycStorage, StoredClaim } from '@persona-kyc/core'
import { breakMemory, type Mistake, turn } from './mistake.js'

/** Ways to get the part of the contract wrong that is about claims on chain. */
export const CLAIM_MISTAKES: readonly Mistake[] = [
  {
    mistake: 'lets the request that arrives last win',
    create: () =>
      breakMemory((inner) => {
        const arrivals: number[] = []
        return {
          requestClaim: (request) => inner.requestClaim({ ...request, revision: arrivals.push(request.revision) }),
          async listDueClaims(query) {
            const works = await inner.listDueClaims(query)
            return works.map(({ request, ...rest }) => ({
              ...rest,
              request: { ...request, revision: arrivals[request.revision - 1] ?? 0 },
            }))
          },
        }
      }),
    fails: [
      'requestClaim changes nothing',
      'requestClaim ends with the highest',
      'requestClaim ends with the higher of',
    ],
  },
  {
    mistake: 'defers a request whatever its revision',
    create: () =>
      breakMemory((inner) => ({
        async deferClaimRequest(caseId, request) {
          const noted = (await readWaiting(inner)).find((work) => work.request.caseId === caseId)
          return inner.deferClaimRequest(caseId, { ...request, revision: noted?.request.revision ?? request.revision })
        },
      })),
    fails: ['deferClaimRequest stores nothing for another revision', 'a request that crosses deferrals'],
  },
  {
    mistake: 'defers a request that was made due meanwhile',
    create: () =>
      breakMemory((inner) => ({
        async deferClaimRequest(caseId, request) {
          const noted = (await readWaiting(inner)).find((work) => work.request.caseId === caseId)
          return inner.deferClaimRequest(caseId, { ...request, recalls: noted?.request.recalls ?? request.recalls })
        },
      })),
    fails: ['deferClaimRequest stores nothing once', 'a recall that crosses deferrals'],
  },
  {
    mistake: 'lets each case have a claim for an identity',
    create: () =>
      breakMemory((inner) => ({
        async addClaim({ identity, ...claim }) {
          const added = await inner.addClaim({ ...claim, identity: `${identity} ${claim.caseId}` })
          return added && { ...added, identity }
        },
      })),
    fails: ['addClaim resolves with the claim in its way', 'addClaim stores exactly one of 50 cases'],
  },
  {
    mistake: 'reads whether the case wants a claim, then stores it',
    create: () =>
      breakMemory((inner) => {
        const added = new Map<string, StoredClaim>()
        return {
          async addClaim(claim) {
            const stored = await inner.addClaim(claim)
            await turn()
            if (stored !== null) added.set(claim.caseId, stored)
            return stored
          },
          async listDueClaims(query) {
            const works = await inner.listDueClaims(query)
            const toClaims = (caseId: string) => [added.get(caseId) ?? []].flat()
            return works.map((work) => ({ ...work, claims: toClaims(work.request.caseId) }))
          },
        }
      }),
    fails: ['addClaim and a request that wants none'],
  },
  {
    mistake: 'reads the state of a claim, then moves it',
    create: () =>
      breakMemory((inner) => ({
        async moveClaim(key, { from, ...move }) {
          const works = await readWaiting(inner)
          const present = works.flatMap(({ claims }) => claims).find(({ caseId }) => caseId === key.caseId)
          if (present === undefined || !from.includes(present.state)) return null
          await turn()
          return inner.moveClaim(key, { ...move, from: ['signed', 'issued', 'revoking', 'revoked'] })
        },
      })),
    fails: ['moveClaim gives one move to exactly one of 50'],
  },
  {
    mistake: 'reads the highest nonce, then gives the next',
    create: () => {
      let highest = -1
      return breakMemory((inner) => ({
        async openTransactions(sender, wanted) {
          const first = Math.max(highest + 1, sender.chainNonce)
          await turn()
          highest = first + wanted.length - 1
          const opened = await inner.openTransactions(sender, wanted)
          return opened.map((transaction, index) => ({ ...transaction, nonce: first + index }))
        },
      }))
    },
    fails: ['openTransactions gives 50 callers nonces'],
  },
  {
    mistake: 'asks nothing of the claim that a transaction is about',
    create: () =>
      breakMemory((inner) => ({
        openTransactions: (sender, wanted) =>
          inner.openTransactions(
            sender,
            wanted.map((transaction) => ({ ...transaction, claim: null })),
          ),
      })),
    fails: ['openTransactions gives none where the claim', 'openTransactions gives none for a claim'],
  },
  {
    mistake: 'takes a purpose for free once its transaction has ended',
    create: () =>
      breakMemory((inner) => ({
        async closeTransactions(sender, ends) {
          await inner.closeTransactions(
            sender,
            ends.map((end) => ({ ...end, state: 'void' })),
          )
        },
      })),
    fails: ['openTransactions opens a purpose anew once its transaction is void, and never once'],
  },
  {
    mistake: 'lets each sender have a transaction of a purpose',
    create: () =>
      breakMemory((inner) => ({
        async openTransactions(sender, wanted) {
          const toOwn = ({ purpose }: { purpose: string }) => `${sender.sender} ${purpose}`
          const opened = await inner.openTransactions(
            sender,
            wanted.map((transaction) => ({ ...transaction, purpose: toOwn(transaction) })),
          )
          return opened.map((transaction) => ({ ...transaction, purpose: transaction.purpose.split(' ')[1] ?? '' }))
        },
      })),
    fails: ['openTransactions keeps the transaction of a purpose', 'openTransactions gives a purpose to one of 10'],
  },
  {
    mistake: 'keeps amounts as floating point',
    create: () =>
      breakMemory((inner) => ({
        signTransactions: (sender, forms) =>
          inner.signTransactions(
            sender,
            forms.map((form) => ({ ...form, maxFeePerGas: BigInt(Number(form.maxFeePerGas)) })),
          ),
      })),
    fails: ['signTransactions stores the newest form'],
  },
  {
    mistake: 'wakes requests that are settled when a transaction ends',
    create: () =>
      breakMemory((inner) => {
        const caseIds = new Set<string>()
        return {
          async openTransactions(sender, wanted) {
            for (const { caseId } of wanted) caseIds.add(caseId)
            return inner.openTransactions(sender, wanted)
          },
          async closeTransactions(sender, ends) {
            await inner.closeTransactions(sender, ends)
            for (const caseId of caseIds) await inner.recallClaimRequest(caseId, sender.now)
          },
        }
      }),
    fails: ['closeTransactions makes the requests', 'closeTransactions changes none'],
  },
]

function readWaiting(storage: KycStorage): Promise<readonly ClaimWork[]> {
  return storage.listDueClaims({ now: new Date(8e15), limit: 500 })
}

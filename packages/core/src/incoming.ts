import type { KycCaseView } from './case-view.js'
import type { KycEngine } from './engine.js'
import { isKycError } from './errors.js'
import { parseJsonBody } from './json-body.js'
import type { Peer } from './peer.js'
import type { PlainRequest } from './plain-request.js'
import type { Route } from './routes.js'
import { initiateBody } from './wire.js'

/** A route that fits a request; `caseId` is empty where its path names none. */
export interface Match {
  readonly route: Route
  readonly caseId: string
}

/** A request on its way through the routes. What is read of it is read once. */
export interface Incoming extends Match {
  readonly request: PlainRequest
  readonly peer: Peer
  /** Returns the members of the query. Throws a 400 where one is given twice. */
  readQuery(): Readonly<Record<string, string>>
  /** The body within its limits; empty for routes without one. */
  readBody(): Promise<Uint8Array>
  /** The case that the path names, as it was when it was first asked for; null where there is none. */
  findCase(): Promise<KycCaseView | null>
  /** The user concerned: that of the case, or of an initiation. Null where there is none. */
  findUserId(): Promise<string | null>
}

/** Returns the request with what its route may want to know of it. */
export function createIncoming(
  engine: KycEngine,
  given: Match & Pick<Incoming, 'request' | 'peer' | 'readQuery' | 'readBody'>,
): Incoming {
  const { route, caseId, request, peer, readQuery } = given
  let body: Promise<Uint8Array> | undefined
  let found: Promise<KycCaseView | null> | undefined
  const readBody = () => {
    body ??= given.readBody()
    return body
  }
  const findCase = () => {
    found ??= findCaseOf(engine, caseId)
    return found
  }
  const findUserId = async () => {
    if (route.action !== 'kyc:initiate') return (await findCase())?.userId ?? null
    return parseJsonBody(initiateBody, await readBody()).user_id
  }
  return { route, caseId, request, peer, readQuery, readBody, findCase, findUserId }
}

async function findCaseOf(engine: KycEngine, caseId: string): Promise<KycCaseView | null> {
  if (caseId === '') return null
  try {
    return await engine.getCase(caseId)
  } catch (error) {
    if (isKycError(error) && error.code === 'case_not_found') return null
    throw error
  }
}

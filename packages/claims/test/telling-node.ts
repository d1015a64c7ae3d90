import { createPublicClient, createWalletClient, custom, type Hex, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { type ClaimIssuer, createClaimIssuer } from '../src/claim-issuer.js'

/** What a node answers, by the method of JSON-RPC, and what it tells where it fails. */
export interface TellingNode {
  readonly answers: Readonly<Record<string, unknown>>
  /** Where it is, with the key of its provider. */
  readonly url: string
  /** Stands in each error, with all that the node was sent. */
  readonly told: string
  /** What its errors have besides. */
  readonly failure?: object
}

/** What is given to the issuer besides a node. */
export interface TellingIssuerOptions {
  readonly issuer: Hex
  readonly signerKey: Hex
  /** What the clients have in place of viem's. */
  readonly client?: object
  readonly wallet?: object
}

/** Returns an issuer on a node that fails on every method that it has no answer for, and tells all that it knows. */
export function createTellingIssuer(node: TellingNode, options: TellingIssuerOptions): ClaimIssuer {
  return createIssuer(custom({ request: (call) => answer(node, call) }, { retryCount: 0 }), options)
}

/** Returns an issuer on a node that is not there. */
export function createLonelyIssuer({ url }: Pick<TellingNode, 'url'>, options: TellingIssuerOptions): ClaimIssuer {
  return createIssuer(http(url, { retryCount: 0 }), options)
}

function createIssuer(
  transport: ReturnType<typeof custom> | ReturnType<typeof http>,
  { client, issuer, signerKey, wallet }: TellingIssuerOptions,
): ClaimIssuer {
  const account = privateKeyToAccount(signerKey)
  return createClaimIssuer({
    client: { ...createPublicClient({ transport }), ...client },
    issuer,
    topic: 1n,
    wallet: { ...createWalletClient({ account, transport }), ...wallet },
  })
}

async function answer(
  { answers, failure, told, url }: TellingNode,
  { method, params }: { readonly method: string; readonly params?: unknown },
): Promise<unknown> {
  if (method in answers) return answers[method]
  const text = `${url} ${method} ${JSON.stringify(params)} ${told}`
  throw Object.assign(new Error(text), { code: -32000, data: told, url, ...failure })
}

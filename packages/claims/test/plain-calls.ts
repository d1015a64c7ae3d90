import {
  type Abi,
  type Address,
  concat,
  encodeFunctionData,
  type Hex,
  keccak256,
  numberToHex,
  type PrivateKeyAccount,
  pad,
  parseAbi,
  slice,
  type TransactionReceipt,
} from 'viem'
import { compileContracts } from './compile.js'
import type { TestChain } from './local-chain.js'

/** An identity of ONCHAINID, as far as the tests ask it. */
export const IDENTITY = parseAbi([
  'function addClaim(uint256 topic, uint256 scheme, address issuer, bytes signature, bytes data, string uri) returns (bytes32)',
  'function removeClaim(bytes32 claimId) returns (bool)',
  'function getClaim(bytes32 claimId) view returns (uint256 topic, uint256 scheme, address issuer, bytes signature, bytes data, string uri)',
  'function addKey(bytes32 key, uint256 purpose, uint256 keyType) returns (bool)',
  'function removeKey(bytes32 key, uint256 purpose) returns (bool)',
  'function keyHasPurpose(bytes32 key, uint256 purpose) view returns (bool)',
  'event ClaimAdded(bytes32 indexed claimId, uint256 indexed topic, uint256 scheme, address indexed issuer, bytes signature, bytes data, string uri)',
])

/** A claim issuer of ONCHAINID: an identity that also revokes. */
export const ISSUER = parseAbi([
  'function isClaimValid(address identity, uint256 topic, bytes signature, bytes data) view returns (bool)',
  'function isClaimRevoked(bytes signature) view returns (bool)',
  'function revokeClaimBySignature(bytes signature)',
  'function getRecoveredAddress(bytes signature, bytes32 dataHash) pure returns (address)',
  'function addKey(bytes32 key, uint256 purpose, uint256 keyType) returns (bool)',
  'function removeKey(bytes32 key, uint256 purpose) returns (bool)',
])

/** What contracts are asked about a claim. */
export interface PlainClaim {
  readonly identity: Address
  readonly issuer: Address
  readonly topic: bigint
  readonly signature: Hex
  readonly data: Hex
  readonly uri?: string
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** The four encodings of a signature whose v is 27 or 28: as it is, with v - 27, and both with the other s. */
export function toEncodings(signature: Hex): readonly [Hex, Hex, Hex, Hex] {
  const s = BigInt(slice(signature, 32, 64))
  const v = Number(slice(signature, 64))
  const make = (value: bigint, last: number) =>
    concat([slice(signature, 0, 32), numberToHex(value, { size: 32 }), numberToHex(last, { size: 1 })])
  return [signature, make(s, v - 27), make(ORDER - s, 55 - v), make(ORDER - s, 28 - v)]
}

/** What the issuer's contract says of a claim; `reverts` where it does that. Nothing of the library is asked. */
export async function askIssuer(
  { client }: TestChain,
  { issuer, identity, topic, signature, data }: PlainClaim,
): Promise<boolean | 'reverts'> {
  const args = [identity, topic, signature, data] as const
  return client
    .readContract({ address: issuer, abi: ISSUER, functionName: 'isClaimValid', args })
    .catch((error: Error): 'reverts' => {
      if (error.message.includes('reverted')) return 'reverts'
      throw error
    })
}

/** What the issuer's contract says of each encoding of the claim's signature. */
export function askEncodings(chain: TestChain, claim: PlainClaim): Promise<(boolean | 'reverts')[]> {
  return Promise.all(toEncodings(claim.signature).map((signature) => askIssuer(chain, { ...claim, signature })))
}

/** A contract of test/contracts on the chain. */
export interface PlainContract {
  readonly address: Address
  readonly abi: Abi
  /** Resolves with what a function of it answers. */
  ask(functionName: string, ...args: readonly unknown[]): Promise<unknown>
  /** Sends a transaction of the chain's owner to it. */
  send(functionName: string, ...args: readonly unknown[]): Promise<TransactionReceipt>
}

/** Compiles a contract of that file in test/contracts, and deploys it. */
export async function deployContract(
  chain: TestChain,
  { file, name, args = [] }: { readonly file: string; readonly name: string; readonly args?: readonly unknown[] },
): Promise<PlainContract> {
  const artifact = compileContracts(file)[name]
  if (artifact === undefined) throw new Error(`There is no ${name} in ${file}.`)
  const { abi } = artifact
  const address = await chain.deploy(artifact, args)
  return {
    address,
    abi,
    ask: (functionName, ...given) => chain.client.readContract({ address, abi, functionName, args: given }),
    send: (functionName, ...given) =>
      sendCall(chain, { to: address, data: encodeFunctionData({ abi, functionName, args: given }) }),
  }
}

/** Sends a transaction. Rejects where a contract refuses it. */
export async function sendCall(
  { wallet, client, owner }: TestChain,
  { by: account = owner, to, data }: { readonly to: Address; readonly data: Hex; readonly by?: PrivateKeyAccount },
): Promise<TransactionReceipt> {
  const hash = await wallet.sendTransaction({ account, to, data, chain: wallet.chain ?? null })
  const receipt = await client.waitForTransactionReceipt({ hash })
  if (receipt.status !== 'success') throw new Error('The transaction was reverted.')
  return receipt
}

/** Gives the claim to its identity, or to another one. */
export function addClaim(
  chain: TestChain,
  claim: PlainClaim,
  { to = claim.identity, ...options }: { readonly to?: Address; readonly by?: PrivateKeyAccount } = {},
): Promise<TransactionReceipt> {
  return sendCall(chain, { ...options, to, data: encodeAddClaim(claim) })
}

/** The calldata that gives the claim to an identity. */
export function encodeAddClaim({ topic, issuer, signature, data, uri = '' }: PlainClaim): Hex {
  const args = [topic, 1n, issuer, signature, data, uri] as const
  return encodeFunctionData({ abi: IDENTITY, functionName: 'addClaim', args })
}

/** Adds the address's key to the contract, with the purpose CLAIM, or removes it. */
export function changeKey(
  chain: TestChain,
  functionName: 'addKey' | 'removeKey',
  { contract, holder, by = chain.owner }: { contract: Address; holder: Address; by?: PrivateKeyAccount },
): Promise<TransactionReceipt> {
  const key = keccak256(pad(holder))
  const data =
    functionName === 'addKey'
      ? encodeFunctionData({ abi: IDENTITY, functionName, args: [key, 3n, 1n] })
      : encodeFunctionData({ abi: IDENTITY, functionName, args: [key, 3n] })
  return sendCall(chain, { to: contract, data, by })
}

import {
  type Address,
  concat,
  createPublicClient,
  encodeAbiParameters,
  type Hash,
  type Hex,
  http,
  keccak256,
  numberToHex,
  type PublicClient,
  parseAbi,
  slice,
  toFunctionSelector,
} from 'viem'

// Written here, from ERC-735 and ONCHAINID's contracts, and not taken from the library that is tested.
const abi = parseAbi([
  'function getIdentity(address wallet) view returns (address)',
  'function getClaim(bytes32 claimId) view returns (uint256 topic, uint256 scheme, address issuer, bytes signature, bytes data, string uri)',
  'function isClaimValid(address identity, uint256 topic, bytes signature, bytes data) view returns (bool)',
])
const ADD_CLAIM = toFunctionSelector('addClaim(uint256,uint256,address,bytes,bytes,string)')
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const TOPIC = 1n

/** A claim as an identity shows it. */
export interface ShownClaim {
  readonly identity: Address
  readonly signature: Hex
  readonly data: Hex
}

/** Reads a chain by plain calls. */
export interface ChainReader {
  readonly client: PublicClient
  readonly claimId: Hash
  findIdentity(wallet: Address): Promise<Address>
  /** Resolves with the claim, whose members are empty where there is none. */
  getClaim(identity: Address): Promise<ShownClaim>
  /** Resolves with what the claim issuer's contract says of each encoding of the signature. */
  validate(claim: ShownClaim): Promise<readonly boolean[]>
  /** Resolves with the hashes of the transactions in blocks that add a claim, with their identities. */
  listAddedClaims(): Promise<readonly { readonly hash: Hash; readonly identity: Address | null }[]>
  /** Resolves with all calldata, and all topics and data of all events. */
  listPublicBytes(): Promise<readonly Hex[]>
}

/** Returns a reader of the chain, for that claim issuer and factory, and the topic 1. */
export function createChainReader({
  url,
  claimIssuer,
  factory,
}: {
  readonly url: string
  readonly claimIssuer: Address
  readonly factory: Address
}): ChainReader {
  const client = createPublicClient({ transport: http(url), cacheTime: 0 })
  const claimId = keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [claimIssuer, TOPIC]))
  const listTransactions = async () => {
    const newest = await client.getBlockNumber()
    const numbers = Array.from({ length: Number(newest) + 1 }, (_, number) => BigInt(number))
    const blocks = await Promise.all(
      numbers.map((blockNumber) => client.getBlock({ blockNumber, includeTransactions: true })),
    )
    return blocks.flatMap(({ transactions }) => transactions)
  }
  return {
    client,
    claimId,
    findIdentity: (wallet) =>
      client.readContract({ address: factory, abi, functionName: 'getIdentity', args: [wallet] }),
    async getClaim(identity) {
      const call = { address: identity, abi, functionName: 'getClaim', args: [claimId] } as const
      const [, , , signature, data] = await client.readContract(call)
      return { identity, signature, data }
    },
    validate: ({ identity, signature, data }) =>
      Promise.all(
        toEncodings(signature).map((encoding) => {
          const args = [identity, TOPIC, encoding, data] as const
          return client.readContract({ address: claimIssuer, abi, functionName: 'isClaimValid', args })
        }),
      ),
    async listAddedClaims() {
      const added = (await listTransactions()).filter(({ input }) => isAddClaim(input))
      return added.map(({ hash, to }) => ({ hash, identity: to }))
    },
    async listPublicBytes() {
      const transactions = await listTransactions()
      const receipts = await Promise.all(transactions.map(({ hash }) => client.getTransactionReceipt({ hash })))
      const logs = receipts.flatMap((receipt) => receipt.logs)
      return [...transactions.map(({ input }) => input), ...logs.flatMap(({ data, topics }) => [data, ...topics])]
    },
  }
}

/** True for the calldata that adds a claim. */
export function isAddClaim(input: Hex): boolean {
  return input.startsWith(ADD_CLAIM)
}

/** All that recovers to the same key: both halves of s, and v from 27 and from 0. */
function toEncodings(signature: Hex): readonly Hex[] {
  const [r, s, v] = [slice(signature, 0, 32), BigInt(slice(signature, 32, 64)), Number(slice(signature, 64)) % 27]
  return [
    [s, v],
    [CURVE_ORDER - s, 1 - v],
  ].flatMap(([half = 0n, parity = 0]) =>
    [27, 0].map((base) =>
      concat([r, numberToHex(half, { size: 32 }), numberToHex(Number(parity) + base, { size: 1 })]),
    ),
  )
}

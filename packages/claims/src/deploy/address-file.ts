import { ConfigurationError } from '@persona-kyc/core'
import { type Address, isAddress } from 'viem'

/** What was asked to be deployed. A file of other parameters is never continued. */
export interface DeploymentParameters {
  readonly chainId: number
  /** Who sends the transactions. */
  readonly deployer: Address
  /** Who manages the claim issuer and owns the factory of identities. */
  readonly manager: Address
  /** Whose signature makes a claim valid. */
  readonly signer: Address
  /** What the claims are about, as the registry lists it. */
  readonly topic: bigint
  /** Whether a TrustedIssuersRegistry is deployed too. */
  readonly registry: boolean
}

/** One transaction: written as `sending` before it is sent, as `done` when the chain shows what it was for. */
export interface RecordedStep {
  readonly name: string
  readonly nonce: number
  /** What a contract's address is to be, by the sender and the nonce; null for a call. */
  readonly address: Address | null
  readonly state: 'sending' | 'done'
}

/** What the address file says. It holds no secrets. */
export interface AddressFile extends DeploymentParameters {
  /** The versions of the packages that the contracts are from, by their names. */
  readonly packages: Readonly<Record<string, string>>
  /** The contracts that are there, by the names of their steps. */
  readonly contracts: Readonly<Record<string, Address>>
  /** In the order in which they are taken. */
  readonly steps: readonly RecordedStep[]
  /** True when every step is done. */
  readonly complete: boolean
}

const VERSION = 1

/** Returns the file's text: the same content is always the same text. */
export function toAddressFileText(file: AddressFile): string {
  const { chainId, deployer, manager, signer, topic, registry, packages, contracts, steps, complete } = file
  const parameters = { chainId, deployer, manager, signer, topic: topic.toString(), registry }
  return `${JSON.stringify({ version: VERSION, ...parameters, packages, contracts, complete, steps }, null, 2)}\n`
}

/** Returns what the text says. Throws a ConfigurationError, of the file's `path`, where it is none of this version's. */
export function parseAddressFile(text: string, path: string): AddressFile {
  const value = parseJson(text)
  if (isRecord(value) && value.version === VERSION) {
    const { chainId, deployer, manager, signer, topic, registry, packages, contracts, complete, steps } = value
    if (
      Number.isSafeInteger(chainId) &&
      [deployer, manager, signer].every(isAddressText) &&
      typeof topic === 'string' &&
      /^[1-9]\d{0,77}$/.test(topic) &&
      typeof registry === 'boolean' &&
      typeof complete === 'boolean' &&
      isRecord(packages) &&
      isRecord(contracts) &&
      Object.values(contracts).every(isAddressText) &&
      Array.isArray(steps) &&
      steps.every(isStep)
    ) {
      return { ...(value as unknown as AddressFile), topic: BigInt(topic) }
    }
  }
  throw new ConfigurationError({
    problem: `${path} is no address file of this version of persona-kyc-claims.`,
    fix: 'Choose another file. Do not delete it before you know what was deployed with it.',
  })
}

/** Throws a ConfigurationError where the file is of another deployment than the one that is asked for. */
export function requireSameParameters(file: AddressFile, asked: DeploymentParameters, path: string): void {
  const names = ['chainId', 'deployer', 'manager', 'signer', 'topic', 'registry'] as const
  const differences = names.filter((name) => file[name] !== asked[name])
  if (differences.length === 0) return
  const list = differences.map((name) => `${name} is ${file[name]} there and ${asked[name]} here`).join(', ')
  throw new ConfigurationError({
    problem: `${path} is of another deployment: ${list}.`,
    fix: 'Ask for what the file says, or choose another file to deploy anew.',
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isStep(value: unknown): value is RecordedStep {
  return (
    isRecord(value) &&
    typeof value.name === 'string' &&
    Number.isSafeInteger(value.nonce) &&
    (value.address === null || isAddressText(value.address)) &&
    (value.state === 'sending' || value.state === 'done')
  )
}

function isAddressText(value: unknown): value is Address {
  return typeof value === 'string' && isAddress(value)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

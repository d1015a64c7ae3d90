import { join } from 'node:path'
import { ConfigurationError, KycError } from '@persona-kyc/core'
import { type Address, getAddress, isAddress, type LocalAccount, type PublicClient, zeroAddress } from 'viem'
import { type ChainClient, toPublicClient } from './chain-client.js'
import { askChain } from './chain-error.js'
import type { DeploymentParameters } from './deploy/address-file.js'
import { loadContracts } from './deploy/contract-artifacts.js'
import { createFileStore, type FileStore } from './deploy/file-store.js'
import { planDeployment } from './deploy/plan.js'
import { type DeploymentRecord, openRecord } from './deploy/record.js'
import type { ContractName, DeployStep } from './deploy/step.js'
import { type StepContext, takeStep } from './deploy/step-runner.js'
import { createDeploymentView } from './deploy/view.js'

export type { FileStore } from './deploy/file-store.js'

/** Options of {@link deployContracts}. */
export interface DeployOptions {
  readonly client: ChainClient
  /** Who sends and pays, a local account of viem's: its key never leaves the process. It stays the owner of the authority and of the registry. */
  readonly account: LocalAccount
  /** Who will manage the claim issuer and own the factory: the wallet of the worker. Default: the account. */
  readonly manager?: Address | undefined
  /** Whose signatures make claims valid. Default: the manager. */
  readonly signer?: Address | undefined
  /** What the claims are about, at least 1. Default 1. */
  readonly topic?: bigint | undefined
  /** Deploys a TrustedIssuersRegistry (ERC-3643) too, which lists the claim issuer for the topic. Default false. */
  readonly registry?: boolean | undefined
  /** Refuses every other chain. Default: the chain that the client is connected to is the one that is meant. */
  readonly chainId?: number | undefined
  /** The address file. Default persona-kyc-claims.<chainId>.json in `directory`. */
  readonly file?: string | FileStore | undefined
  /** Where the packages of the contracts are looked for first. Default: the working directory. */
  readonly directory?: string | undefined
  /** How many blocks, its own included, a transaction must be in before it counts, 1 to 100. Default 1. */
  readonly confirmations?: number | undefined
  /** How long to wait for one transaction. Default 300,000. */
  readonly timeoutMs?: number | undefined
  /** Gets one line for each thing that happens, for a person to read. */
  readonly onLine?: ((line: string) => void) | undefined
}

/** What {@link deployContracts} resolves with. */
export interface Deployment extends DeploymentParameters {
  readonly identityImplementation: Address
  readonly implementationAuthority: Address
  readonly identityFactory: Address
  readonly claimIssuer: Address
  /** Null where none was asked for. */
  readonly trustedIssuersRegistry: Address | null
  /** How many transactions this run has sent. */
  readonly sent: number
  /** The path of the address file. */
  readonly path: string
}

const MAX_TOPIC = 2n ** 256n - 1n

/**
 * Deploys ONCHAINID's contracts for issuing claims, as compiled in `@onchain-id/solidity`, and resolves when the chain shows
 * all of them. What is done is kept in the address file: a run that was interrupted, wherever that was, is continued by the
 * next with the same options, and nothing is deployed twice. With a file that is complete it sends nothing and leaves the
 * file as it is, but checks that the chain shows what the file says. One wallet should deploy one thing at a time.
 *
 * Rejects with a ConfigurationError (an option, a missing package, a file of another deployment) or a KycError:
 * `chain_unreachable`, `chain_mismatch`, `chain_funds_missing`, `chain_refused`, `chain_unconfirmed`.
 */
export async function deployContracts(options: DeployOptions): Promise<Deployment> {
  const { account, directory = process.cwd(), onLine = () => {} } = options
  const client = toPublicClient(options.client)
  const { confirmations, timeoutMs } = requireWaiting(options)
  const parameters = requireParameters(options, await requireChain(options))
  const onchainId = loadContracts('@onchain-id/solidity', directory)
  const trex = parameters.registry ? loadContracts('@tokenysolutions/t-rex', directory) : null
  const plan = planDeployment(parameters, { onchainId, trex })
  const store = toStore(options.file, parameters.chainId, directory)
  const record = await openRecord({
    store,
    parameters,
    plan,
    packages: trex === null ? [onchainId] : [onchainId, trex],
  })
  onLine(
    `Chain ${parameters.chainId}, deployer ${account.address}, manager ${parameters.manager}, signer ${parameters.signer}`,
  )
  await requireDone(client, { plan, record, path: store.path })
  const { chainId } = parameters
  const context: StepContext = { client, account, chainId, record, confirmations, timeoutMs, onLine }
  let sent = 0
  for (const [index, step] of plan.entries()) {
    if (record.stepOf(step)?.state !== 'done') sent += await takeStep(context, step, `${index + 1}/${plan.length}`)
  }
  return { ...parameters, ...toAddresses(record, parameters.registry), sent, path: store.path }
}

/** Checks what earlier runs have done. */
async function requireDone(
  client: PublicClient,
  {
    plan,
    record,
    path,
  }: { readonly plan: readonly DeployStep[]; readonly record: DeploymentRecord; readonly path: string },
): Promise<void> {
  const view = createDeploymentView(client, await askChain(() => client.getBlockNumber({ cacheTime: 0 })))
  for (const step of plan) {
    if (record.stepOf(step)?.state !== 'done') return
    const holds = step.holds ?? step.isDone
    if (await holds(view, record.addressOf)) continue
    const address = record.stepOf(step)?.address
    throw new KycError('chain_mismatch', {
      problem: `The chain does not show what ${path} says${address ? ` of ${address}` : ''}: ${step.title}.`,
      fix: 'Was the chain set back, or a contract changed by hand? Mend that, or choose another file to deploy anew.',
    })
  }
}

async function requireChain({ chainId, ...options }: DeployOptions): Promise<number> {
  const client = toPublicClient(options.client)
  const found = await askChain(() => client.getChainId())
  if (chainId === undefined || chainId === found) return found
  throw new KycError('chain_mismatch', {
    problem: `The RPC endpoint serves the chain ${found}, not ${chainId}.`,
    fix: 'Check the URL, and the chain id.',
  })
}

function requireParameters({ account, topic = 1n, ...options }: DeployOptions, chainId: number): DeploymentParameters {
  if (topic < 1n || topic > MAX_TOPIC) {
    // To ONCHAINID a claim of topic 0 is one that is not there.
    throw new ConfigurationError({
      problem: 'The topic must be a number from 1 to 2^256 - 1.',
      fix: 'Leave it out for 1, or give the number that contracts look for.',
    })
  }
  const deployer = getAddress(account.address)
  const manager = requireAddress('manager', options.manager ?? deployer)
  const signer = requireAddress('signer', options.signer ?? manager)
  return { chainId, deployer, manager, signer, topic, registry: options.registry ?? false }
}

function requireAddress(name: string, address: Address): Address {
  if (isAddress(address) && address !== zeroAddress) return getAddress(address)
  throw new ConfigurationError({
    problem: `The ${name} is no address.`,
    fix: 'Give 0x and 40 hexadecimal digits; where some are capital letters, check them for a typing error.',
  })
}

function requireWaiting({ confirmations = 1, timeoutMs = 300_000 }: DeployOptions) {
  if (Number.isInteger(confirmations) && confirmations >= 1 && confirmations <= 100 && timeoutMs > 0) {
    return { confirmations, timeoutMs }
  }
  // Nodes keep the state of about the last 128 blocks, at which the confirmed state is read.
  throw new ConfigurationError({
    problem: 'confirmations must be a whole number from 1 to 100, and timeoutMs more than 0.',
    fix: 'Leave them out for 1 block and five minutes.',
  })
}

function toStore(file: string | FileStore | undefined, chainId: number, directory: string): FileStore {
  if (typeof file === 'object') return file
  return createFileStore(file ?? join(directory, `persona-kyc-claims.${chainId}.json`))
}

function toAddresses({ addressOf }: DeploymentRecord, registry: boolean): Pick<Deployment, ContractName> {
  return {
    identityImplementation: addressOf('identityImplementation'),
    implementationAuthority: addressOf('implementationAuthority'),
    identityFactory: addressOf('identityFactory'),
    claimIssuer: addressOf('claimIssuer'),
    trustedIssuersRegistry: registry ? addressOf('trustedIssuersRegistry') : null,
  }
}

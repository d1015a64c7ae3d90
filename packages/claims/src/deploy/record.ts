import { ConfigurationError } from '@persona-kyc/core'
import type { Address } from 'viem'
import {
  type AddressFile,
  type DeploymentParameters,
  parseAddressFile,
  type RecordedStep,
  requireSameParameters,
  toAddressFileText,
} from './address-file.js'
import type { ContractPackage } from './contract-artifacts.js'
import type { FileStore } from './file-store.js'
import type { ContractName, DeployStep } from './step.js'

/** The steps of one deployment, as far as they are, kept in the address file. */
export interface DeploymentRecord {
  stepOf(step: DeployStep): RecordedStep | undefined
  /** The nonce that follows the last step's; undefined before the first. */
  nextNonce(): number | undefined
  /** Returns where a contract is, or will be when it is being made. */
  addressOf(name: ContractName): Address
  /** Sets the step, which counts for the methods above at once, and for the next run after {@link save}. */
  put(step: RecordedStep): void
  /** Resolves when the file says what was put. */
  save(): Promise<void>
  contracts(): Readonly<Record<string, Address>>
}

/** What a record is of. */
export interface RecordOptions {
  readonly store: FileStore
  readonly parameters: DeploymentParameters
  readonly plan: readonly DeployStep[]
  readonly packages: readonly ContractPackage[]
}

/**
 * Resolves with the record in the file, empty where there is no file. Rejects with a ConfigurationError where the file is
 * of another chain, of other parameters or of other versions of the contracts.
 */
export async function openRecord({ store, parameters, plan, packages }: RecordOptions): Promise<DeploymentRecord> {
  const versions = Object.fromEntries(packages.map(({ name, version }) => [name, version]))
  const text = await store.read()
  const found = text === null ? null : parseAddressFile(text, store.path)
  if (found !== null) requireContinuable(found, { store, parameters, plan, versions })
  const steps = new Map((found?.steps ?? []).map((step) => [step.name, step]))
  let isNew = found === null

  const toFile = (): AddressFile => {
    const known = plan.flatMap(({ name }) => steps.get(name) ?? [])
    const complete = known.length === plan.length && known.every(({ state }) => state === 'done')
    return { ...parameters, packages: versions, contracts: toContracts(known), steps: known, complete }
  }
  return {
    stepOf: ({ name }) => steps.get(name),
    nextNonce() {
      const nonces = [...steps.values()].map(({ nonce }) => nonce)
      return nonces.length === 0 ? undefined : Math.max(...nonces) + 1
    },
    addressOf(name) {
      const address = steps.get(name)?.address
      if (address) return address
      throw new TypeError(`There is no ${name} yet: the plan is in the wrong order.`)
    },
    put: (step) => void steps.set(step.name, step),
    async save() {
      const next = toAddressFileText(toFile())
      if (!isNew) return store.replace(next)
      if (!(await store.create(next))) throw startedMeanwhile(store.path)
      isNew = false
    },
    contracts: () => toContracts([...steps.values()]),
  }
}

function requireContinuable(
  found: AddressFile,
  { store, parameters, plan, versions }: Omit<RecordOptions, 'packages'> & { versions: Record<string, string> },
): void {
  requireSameParameters(found, parameters, store.path)
  const others = Object.entries(versions).filter(([name, version]) => found.packages[name] !== version)
  if (others.length > 0) {
    const list = others.map(([name]) => `${name}@${found.packages[name]}`).join(' and ')
    throw new ConfigurationError({
      problem: `${store.path} is of other contracts than those that are installed.`,
      fix: `Run \`npm install --save-dev ${list}\`, or choose another file to deploy anew.`,
    })
  }
  const isOfPlan = found.steps.every(({ name }, index) => plan[index]?.name === name)
  if (isOfPlan && found.steps.slice(0, -1).every(({ state }) => state === 'done')) return
  throw new ConfigurationError({
    problem: `${store.path} does not follow the plan of this version of persona-kyc-claims.`,
    fix: 'Use the version that it was begun with, or choose another file to deploy anew.',
  })
}

function toContracts(steps: readonly RecordedStep[]): Record<string, Address> {
  return Object.fromEntries(
    steps.flatMap(({ name, address, state }) => (address !== null && state === 'done' ? [[name, address]] : [])),
  )
}

function startedMeanwhile(path: string): ConfigurationError {
  return new ConfigurationError({
    problem: `Another run has begun ${path} at the same time.`,
    fix: 'Run the command again when that has ended: it goes on from there.',
  })
}

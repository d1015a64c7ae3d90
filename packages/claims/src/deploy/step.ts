import type { Address, Hex } from 'viem'
import type { DeploymentView } from './view.js'

/** The contracts that a deployment makes. */
export type ContractName =
  | 'identityImplementation'
  | 'implementationAuthority'
  | 'identityFactory'
  | 'claimIssuer'
  | 'trustedIssuersRegistry'

/** Returns where a contract of an earlier step is. */
export type AddressOf = (name: ContractName) => Address

/** One transaction of the plan. */
export interface DeployStep {
  /** The name of the contract that it makes, or of what it does to one. */
  readonly name: string
  /** For the person at the terminal. */
  readonly title: string
  /** Whether it makes a contract, at an address of its own. */
  readonly isCreation: boolean
  toTransaction(addressOf: AddressOf): { readonly to: Address | null; readonly data: Hex }
  /** Resolves with whether the chain shows what the step is for. */
  isDone(view: DeploymentView, addressOf: AddressOf): Promise<boolean>
  /** Resolves with whether what was done still holds. Default: {@link isDone}. */
  holds?(view: DeploymentView, addressOf: AddressOf): Promise<boolean>
}

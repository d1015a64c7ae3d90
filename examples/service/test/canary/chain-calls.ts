import type { KycErrorCode } from '@persona-kyc/core'
import { stepPrepare } from '../../../../packages/claims/src/prepare-step.js'
import {
  createLonelyIssuer,
  createTellingIssuer,
  type TellingIssuerOptions,
  type TellingNode,
} from '../../../../packages/claims/test/telling-node.js'
import { CANARIES, EVERYTHING } from './canaries.js'
import type { FailingCall } from './failing-call.js'

const ADDRESS = '0x00000000000000000000000000000000000000a1'
const INPUT = { caseId: 'a-case', identity: ADDRESS, verifiedAt: new Date(0) } as const
const OPTIONS: TellingIssuerOptions = { issuer: ADDRESS, signerKey: `0x${CANARIES.signerKey}` }
// fetch itself refuses this port.
const NODE = { told: EVERYTHING, url: `http://127.0.0.1:1/v3/${CANARIES.rpcKey}` }
const CHAIN = { eth_chainId: '0x7', eth_getCode: '0x60' }

const REVERTING = { code: 3, message: `execution reverted: ${EVERYTHING}` }
const PENNILESS = { message: `insufficient funds for gas * price + value: ${EVERYTHING}` }
const SENT = { sendTransaction: async () => `0x${'1'.repeat(64)}` }
const UNCONFIRMED = { waitForTransactionReceipt: () => Promise.reject(new Error(EVERYTHING)) }

const createIssuer = (
  answers: TellingNode['answers'],
  { failure = {}, ...options }: Partial<TellingIssuerOptions> & Pick<TellingNode, 'failure'> = {},
) => createTellingIssuer({ ...NODE, answers, failure }, { ...OPTIONS, ...options })

const CALLS: readonly (readonly [KycErrorCode, string, () => unknown])[] = [
  ['chain_unreachable', 'a node that says all that it knows', () => createIssuer({}).chainId()],
  ['chain_unreachable', 'a node that is not there', () => createLonelyIssuer(NODE, OPTIONS).chainId()],
  [
    'chain_mismatch',
    'another chain behind the wallet',
    () => createIssuer(CHAIN, { wallet: { getChainId: async () => 8 } }).chainId(),
  ],
  ['chain_refused', 'a contract that reverts', () => createIssuer(CHAIN, { failure: REVERTING }).issue(INPUT)],
  [
    'chain_funds_missing',
    'a sender without a coin',
    () => createIssuer({ ...CHAIN, eth_call: '0x' }, { failure: PENNILESS }).issue(INPUT),
  ],
  [
    'chain_unconfirmed',
    'a transaction that is not confirmed',
    () =>
      createIssuer({ ...CHAIN, eth_call: '0x', eth_estimateGas: '0x5' }, { client: UNCONFIRMED, wallet: SENT }).issue(
        INPUT,
      ),
  ],
  [
    'identity_missing',
    'an identity that is none',
    () => createIssuer({ ...CHAIN, eth_call: '0x', eth_getCode: '0x' }).issue(INPUT),
  ],
  ['identity_not_writable', 'an identity without a key for the sender', prepareForStranger],
  ['configuration_invalid', 'an address that is none', () => createIssuer(CHAIN, { issuer: `0x${EVERYTHING}` })],
]

/** Of this one only the reason is told, to the log and the store. */
async function prepareForStranger(): Promise<never> {
  const kycCase = { caseId: 'a-case', documentType: EVERYTHING, userId: CANARIES.userId, verifiedAt: new Date(0) }
  const context = {
    issuer: createIssuer({ ...CHAIN, eth_call: '0x' }),
    resolveIdentity: () => ({ identity: ADDRESS }),
    resolveTimeoutMs: 1000,
    sleep: () => new Promise(() => {}),
    source: { readCase: async () => kycCase },
  }
  const work = { claims: [], request: { attempts: 1, caseId: 'a-case', revision: 1 } }
  const { reason, ...step } = { reason: null, ...(await stepPrepare(context as never, work as never, {} as never)) }
  throw Object.assign(new Error('It is waited for.'), { code: reason, name: 'KycError', step })
}

/** What fails on chain. */
export const CHAIN_CALLS: readonly FailingCall[] = CALLS.map(([code, name, call]) => ({
  code,
  errorName: code === 'configuration_invalid' ? 'ConfigurationError' : 'KycError',
  name,
  call,
}))

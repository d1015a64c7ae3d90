import type { RawClient } from '../../../../test-setup/raw-client.js'
import type { AttackServer } from './attack-servers.js'
import type { Caller } from './attack-stage.js'
import { type Draft, type DraftChanges, type Target, toRequestBytes } from './request-draft.js'

/** One attack, which is tried on every route: a line of the table. */
export interface Attack {
  /** As the table calls it. */
  readonly name: string
  /** Who attacks. Default: somebody who may do everything, so that nothing but the attack itself is refused. */
  readonly caller: Caller
  /** The bytes of the attack. A sentinel follows them, by which server and client are seen to be in step. */
  readonly toBytes?: (target: Target) => Buffer
  /** An attack that takes more than bytes. It ends when the connection does. */
  readonly play?: (target: Target, given: { readonly client: RawClient; readonly server: AttackServer }) => unknown
  /** The case that the path names where that is another one than the sample's; null where it is no case's id. */
  readonly toCaseId: (target: Target) => string | null
  /** Another line, whose answers must be the same to the byte. */
  readonly sameAs?: string
  /** Whether it is tried on the server that gives up early on heads that do not end. */
  readonly isSlow: boolean
  /** The expected outcomes of all requests in it, by that of the table. `toRefused` tells that of somebody unknown. */
  readonly toOutcomes: (expected: string, toRefused: () => string) => readonly string[]
  readonly toMethod: (target: Target) => string
}

type Given = Partial<Omit<Attack, 'name' | 'toBytes'>>

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const DEFAULTS = {
  caller: 'operator',
  isSlow: false,
  toOutcomes: (expected: string) => [expected],
  toCaseId: ({ caseId }: Target) => caseId,
  toMethod: ({ method }: Target) => method,
} as const

/** Returns an attack that is the request with changes. */
export function toAttack(name: string, change: (target: Target) => DraftChanges, given: Given = {}): Attack {
  const drafts = new WeakMap<Target, Draft>()
  const toDraft = (target: Target) => {
    const draft = drafts.get(target) ?? target.draft(change(target))
    drafts.set(target, draft)
    return draft
  }
  return {
    name,
    ...DEFAULTS,
    toBytes: (target) => toRequestBytes(toDraft(target)),
    toCaseId: (target) => toCaseIdOf(toDraft(target)),
    toMethod: (target) => toDraft(target).method,
    ...given,
  }
}

/** Returns an attack that is bytes of its own. */
export function toRawAttack(name: string, toBytes: (target: Target) => Buffer | string, given: Given = {}): Attack {
  return { name, ...DEFAULTS, ...given, toBytes: (target) => toLatin1(toBytes(target)) }
}

/** Returns an attack that is played. */
export function toPlay(name: string, play: NonNullable<Attack['play']>, given: Given = {}): Attack {
  return { name, ...DEFAULTS, ...given, play }
}

function toLatin1(bytes: Buffer | string): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
}

/** The case that a path names, where it is an id. */
function toCaseIdOf({ target }: Draft): string | null {
  const [path = ''] = target.split(/[?# ]/, 1)
  const segment = /\/kyc\/([^/]+)/.exec(path)?.[1] ?? ''
  return UUID.test(segment) ? segment : null
}

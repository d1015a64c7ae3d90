import { connectRaw } from '../../../../test-setup/raw-client.js'
import { type Answer, parseAnswers, readHeader } from './answers.js'
import { type Attack, toAttack } from './attack.js'
import { findFormFaults, findLeaks } from './attack-checks.js'
import type { Row } from './attack-rows.js'
import { type AttackServer, SENTINEL } from './attack-servers.js'
import { OUTCOMES, toOutcome } from './outcomes.js'
import { createTarget, type Target } from './request-draft.js'

/** The request of a route without any attack. */
export const PLAIN = toAttack('none', () => ({}))

/** Stands for an answer where there is none. */
export const NO_ANSWER: Answer = { status: 0, headers: [], body: '' }

/** What one attack on one route came to. */
export interface Cell {
  readonly row: Row
  readonly target: Target
  readonly answers: readonly Answer[]
  /** What the table calls the answers. */
  readonly outcomes: readonly string[]
  /** What is wrong with them, whatever is expected. */
  readonly faults: readonly string[]
}

/** What bounds an attack, and what it must not be told. */
export interface PlayOptions {
  readonly server: AttackServer
  /** The answer of the route to the request without any attack. */
  readonly reference: Answer
  readonly secrets: readonly string[]
  readonly ids: readonly string[]
  readonly boundMs: number
  readonly boundBytes: number
}

/** Chooses what is sent: a request that would take effect, unless it is to be served. */
export function chooseTarget(
  attack: Pick<Attack, 'caller'>,
  row: Row,
  expected: string,
  stage: Target['stage'],
): Target {
  const sample = (OUTCOMES[expected]?.isServed ?? false) === false ? row.effective : row.harmless
  return createTarget({ stage, row, sample, caller: attack.caller })
}

/** Plays one attack on one route. Never rejects for what comes of it. */
export async function playAttack(attack: Attack, target: Target, options: PlayOptions): Promise<Cell> {
  const { row } = target
  const { text, ms, sentBytes } = await exchange(attack, target, options)
  const faults = [
    ...(ms > options.boundMs ? [`it took ${Math.round(ms)} ms`] : []),
    ...(sentBytes > options.boundBytes ? [`${sentBytes} bytes were taken`] : []),
  ]
  try {
    const { answers, hasSentinel } = readAnswers(text, attack.toMethod(target))
    const outcomes = (answers.length === 0 ? [null] : answers).map((answer) => toOutcome(answer, { row, ...options }))
    faults.push(...findStepFaults(attack, answers, hasSentinel))
    for (const [index, answer] of answers.entries()) {
      // What is the same as the reference was looked at then.
      if (outcomes[index] !== 'ok') faults.push(...findFormFaults(answer), ...findLeaks(answer, options))
    }
    return { row, target, answers, outcomes, faults }
  } catch (error) {
    return { row, target, answers: [], outcomes: [String(error)], faults }
  }
}

async function exchange(
  attack: Attack,
  target: Target,
  { server, boundMs }: Pick<PlayOptions, 'server' | 'boundMs'>,
): Promise<{ text: string; ms: number; sentBytes: number }> {
  const client = await connectRaw(server.port)
  const startedAt = performance.now()
  const guard = setTimeout(client.destroy, 1.3 * boundMs)
  if (attack.toBytes !== undefined) client.send(Buffer.concat([attack.toBytes(target), Buffer.from(SENTINEL)]))
  await attack.play?.(target, { client, server })
  const text = await client.closed
  clearTimeout(guard)
  return { text, ms: performance.now() - startedAt, sentBytes: client.countSent() }
}

/** The answers to an attack, without the one to the sentinel behind it. */
function readAnswers(text: string, method: string): { answers: Answer[]; hasSentinel: boolean } {
  const answers = parseAnswers(text, method === 'HEAD' ? ['HEAD'] : [])
  const hasSentinel = answers.at(-1)?.body === 'sentinel'
  return { answers: hasSentinel ? answers.slice(0, -1) : answers, hasSentinel }
}

/** A connection that is not closed by its answer goes on with the next request, and with nothing else. */
function findStepFaults({ toBytes }: Attack, answers: readonly Answer[], hasSentinel: boolean): string[] {
  const last = answers.at(-1)
  if (toBytes === undefined || last === undefined) return []
  const isClosed = readHeader(last, 'connection') === 'close'
  return isClosed === hasSentinel ? ['the connection does not go on as its answer says'] : []
}

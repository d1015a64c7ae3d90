import { isKycError, type KycEngine } from '@persona-kyc/core'
import { allCanariesBut, CANARIES, findCanaries, type Needles } from './canaries.js'
import type { Answer } from './canary-adapters.js'
import { LEVELS, type LogRecorder } from './log-recorder.js'
import type { OutputCapture } from './output-capture.js'
import { toVisibleText } from './visible-text.js'

/** What a service has left behind. */
export interface Traces {
  readonly answers: Answer[]
  readonly errors: unknown[]
  readonly log: LogRecorder
  readonly output: Omit<OutputCapture, 'end'>
  /** What came up meanwhile and is as secret as a canary: session tokens, signatures. */
  readonly secrets: Set<string>
  /** What a storage was given, and gave. */
  readonly stored: unknown[]
}

/** A place, what can be seen there, and what must not be. */
type Place = readonly [name: string, text: string, needles: Needles]

/** Resolves with each canary that can be found where it must not be, as `where: name as form`. */
export async function findLeaks(engine: KycEngine, traces: Traces): Promise<string[]> {
  const secrets = Object.fromEntries([...traces.secrets].map((secret, index) => [`secret ${index}`, secret]))
  const all = { ...CANARIES, ...secrets }
  const { answers, errors, log, output, stored } = traces
  const places: Place[] = [
    ...LEVELS.map((level) => [`log ${level}`, log.read(level), all] as const),
    ...answers.map((answer, index) => toAnswerPlace(answer, index, all)),
    ['console', output.console.join('\n'), all],
    ['stdout', output.stdout.join('\n'), all],
    ['stderr', output.stderr.join('\n'), all],
    // What an app's own storage throws is passed on as it is, to the app that calls the engine.
    ['errors', errors.filter(isKycError).map(toVisibleText).join('\n'), all],
    ['storage', toVisibleText(stored), { ...allCanariesBut('userId'), ...secrets }],
    ...(await readTrails(engine)).map(([name, items]) => [name, toVisibleText(items), all] as const),
  ]
  return places.flatMap(([name, text, needles]) => findCanaries(text, needles).map((found) => `${name}: ${found}`))
}

/** An answer to who asked for a case has its user, and its session token where that belongs; no refusal has either. */
export function toAnswerPlace({ status, head, body }: Answer, index: number, all: Needles): Place {
  const name = `answer ${index} (${status})`
  if (status >= 400) return [name, `${head}\n\n${body}`, all]
  const { userId, ...needles } = all
  return [name, `${head}\n\n${body.replace(/"persona_session_token":"[^"]*"/, '')}`, needles]
}

/** What others follow and read. A storage that is away has nothing to tell. */
async function readTrails(engine: KycEngine): Promise<readonly (readonly [string, readonly unknown[]])[]> {
  const read = async <Item>(list: () => Promise<{ readonly items: readonly Item[] }>) =>
    (await list().catch(() => ({ items: [] }))).items
  const cases = await read(() => engine.listCases())
  const events = await Promise.all(cases.map(({ id }) => read(() => engine.listCaseEvents(id))))
  return [
    ['audit', await read(() => engine.listAudit())],
    ['feed', await read(() => engine.readFeed())],
    ['events', events.flat()],
    ['dead letters', await read(() => engine.listDeadLetters())],
  ]
}

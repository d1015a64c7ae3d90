import type { RequestListener } from 'node:http'
import type { Answer } from './answers.js'
import type { Attack } from './attack.js'
import {
  type AuditedRequest,
  compareDigests,
  compareLists,
  createDigest,
  findTexts,
  takeAudit,
} from './attack-checks.js'
import { createRows, type Row, toRouteName } from './attack-rows.js'
import { createListener, type ServerName, startAttackServer } from './attack-servers.js'
import { createAttackStage, DOCUMENT, PERSON, type Stage } from './attack-stage.js'
import { fits, isSame, OUTCOMES } from './outcomes.js'
import { type Cell, chooseTarget, NO_ANSWER, PLAIN, type PlayOptions, playAttack } from './play-attack.js'
import { createTarget } from './request-draft.js'

/** A route, and what the table expects there. */
export interface ExpectedCell {
  readonly row: Row
  readonly expected: string
}

/** A server under attack, and what stands behind it. */
export interface Battlefield {
  readonly stage: Stage
  readonly rows: readonly Row[]
  /**
   * Plays an attack on these routes at once, and resolves with what is wrong with an answer, or with what they have left
   * behind.
   */
  playLine(attack: Attack, cells: readonly ExpectedCell[], options?: LineOptions): Promise<string[]>
  /** Sends the request of a route that takes effect, without any attack, and resolves with the status of the answer. */
  playEffective(row: Row): Promise<number>
  close(): Promise<void>
}

/** How a line is held against what is expected. */
export interface LineOptions {
  /** What becomes of somebody unknown. Default: 401. */
  readonly toRefused?: (row: Row) => string
  /** The longest that an attack may take. Default: longer than all deadlines of the servers and their last words. */
  readonly boundMs?: number
  /** The most that a server may take of an attack before it has ended. */
  readonly boundBytes?: number
}

/** How a battlefield differs from the one of the table. */
export interface BattlefieldOptions {
  /** Changes what listens: for servers that are wrong on purpose. It is not called for what the stage itself asks first. */
  readonly tamper?: (listener: RequestListener, stage: Stage) => RequestListener
}

const BOUND_MS = 15_000
const BOUND_BYTES = 512 * 1024 * 1024
/** How long the impatient server waits for a head. */
const HEAD_TIMEOUT_MS = 200

/** Starts a server of that name, and makes what can be attacked there. */
export async function createBattlefield(name: ServerName, options: BattlefieldOptions = {}): Promise<Battlefield> {
  const stage = await createAttackStage()
  const listener = createListener(name, stage.options)
  let isReady = false
  const tampered = options.tamper?.(listener, stage) ?? listener
  const guarded: RequestListener = (req, res) => (isReady ? tampered : listener)(req, res)
  const server = await startAttackServer(guarded)
  const impatient = await startAttackServer(guarded, {
    headersTimeout: HEAD_TIMEOUT_MS,
    requestTimeout: HEAD_TIMEOUT_MS * 2,
    connectionsCheckingInterval: 20,
  })
  const rows = await createRows(stage)
  const readDigest = await createDigest(stage.knex)
  const references = new Map<string, Answer>()
  const answered = new Map<string, Answer>()
  const ids = toIds(rows)
  let state = await readDigest()

  const play = (attack: Attack, { row, expected }: ExpectedCell, { boundMs, boundBytes }: LineOptions = {}) => {
    const given: PlayOptions = {
      server: attack.isSlow ? impatient : server,
      reference: references.get(row.name) ?? NO_ANSWER,
      secrets: toSecrets(stage),
      ids,
      boundMs: boundMs ?? BOUND_MS,
      boundBytes: boundBytes ?? BOUND_BYTES,
    }
    return playAttack(attack, chooseTarget(attack, row, expected, stage), given)
  }
  for (const row of rows) references.set(row.name, requireAnswer(await play(PLAIN, { row, expected: 'ok' })))
  await takeAudit(stage.knex)
  stage.log.splice(0)
  isReady = true

  return {
    stage,
    rows,
    async playLine(attack, expectedCells, { toRefused = () => '401', ...bounds } = {}) {
      const asked = stage.persona.fake.requests.length
      const cells = await Promise.all(expectedCells.map((cell) => play(attack, cell, bounds)))
      await Promise.all([server.idle(), impatient.idle()])
      await stage.settle()
      const expected = cells.map((cell, index) => toExpected(attack, cell, expectedCells[index]?.expected, toRefused))
      const faults = cells.flatMap((cell, index) =>
        findCellFaults(attack, cell, expected[index]?.words ?? [], answered),
      )
      const before = state
      state = await readDigest()
      faults.push(...compareDigests(before, state).map((table) => `the table ${table} has changed`))
      const audit = expected.flatMap((cell) => cell.audit)
      faults.push(...compareLists('audit trail', await takeAudit(stage.knex), { expected: audit }))
      const calls = stage.persona.fake.requests.slice(asked).map(({ method, path }) => `${method} ${path}`)
      faults.push(...compareLists('Persona', calls, toCalls(expected)))
      const log = stage.log.splice(0).join('\n')
      faults.push(...findTexts(log, [...toSecrets(stage), ...stage.signatures]).map((fault) => `${fault} in the log`))
      stage.signatures.clear()
      return faults
    },
    async playEffective(row) {
      const target = createTarget({ stage, row, sample: row.effective, caller: 'operator' })
      const given = { server, reference: NO_ANSWER, secrets: [], ids: [], boundMs: BOUND_MS, boundBytes: BOUND_BYTES }
      return requireAnswer(await playAttack(PLAIN, target, given)).status
    },
    async close() {
      await Promise.all([server.close(), impatient.close()])
      await stage.close()
    },
  }
}

function requireAnswer({ row, answers, faults }: Cell): Answer {
  const [answer] = answers
  if (answer !== undefined && faults.length === 0) return answer
  throw new Error(`${row.name} does not answer as it should: ${faults.join()}`)
}

/** What is expected of a cell: its answers, and what else comes of them. */
function toExpected(attack: Attack, cell: Cell, expected = '', toRefused: (row: Row) => string) {
  const words = attack.toOutcomes(expected, () => toRefused(cell.row))
  return {
    words,
    audit: words.flatMap((word) => toAudit(attack, cell, word)),
    calls: words.flatMap((word) => (OUTCOMES[word]?.isServed === true ? cell.row.asksPersona : [])),
    possibleCalls: words.flatMap((word) => (OUTCOMES[word]?.isServed === 'perhaps' ? cell.row.asksPersona : [])),
  }
}

function toCalls(cells: readonly { readonly calls: readonly string[]; readonly possibleCalls: readonly string[] }[]) {
  return {
    expected: cells.flatMap(({ calls }) => calls),
    possible: cells.flatMap(({ possibleCalls }) => possibleCalls),
  }
}

function findCellFaults(
  attack: Attack,
  { row, outcomes, answers, faults }: Cell,
  words: readonly string[],
  answered: Map<string, Answer>,
): string[] {
  const answer = answers[0] ?? NO_ANSWER
  answered.set(`${attack.name} ${row.name}`, answer)
  const twin = answered.get(`${attack.sameAs ?? attack.name} ${row.name}`) ?? NO_ANSWER
  return [
    ...(fits(words, outcomes) ? [] : [`${outcomes.join()}, not ${words.join()}`]),
    ...(isSame(answer, twin) ? [] : [`not the same answer as ${attack.sameAs}`]),
    ...faults,
  ].map((fault) => `${row.name}: ${fault}`)
}

function toAudit(attack: Attack, { row, target }: Cell, word: string): AuditedRequest[] {
  const { route } = row
  const isForbidden = word === '403'
  const isOpen = route.action === null || route.isOpen === true || attack.caller === 'nobody'
  if (isOpen || (!isForbidden && OUTCOMES[word]?.isHandled !== true)) return []
  const isHidden = word === '404' && (attack.caller === 'user' || attack.caller === 'identity-service')
  return [
    {
      principal: attack.caller,
      action: route.action,
      route: toRouteName(route),
      verdict: isForbidden ? 'forbidden' : isHidden ? 'hidden' : 'allowed',
      caseId: attack.toCaseId(target),
    },
  ]
}

function toSecrets({ secrets }: Stage): string[] {
  return [...secrets, ...Object.values(PERSON), ...Object.values(DOCUMENT)]
}

/** What tells of a case or of its user. */
function toIds(rows: readonly Row[]): string[] {
  const ids = rows.flatMap(({ effective, harmless, pendingCaseId }) => [
    effective.caseId,
    harmless.caseId,
    pendingCaseId,
  ])
  return ['user_canary', 'inq_', ...new Set(ids.filter((id) => id !== null))]
}

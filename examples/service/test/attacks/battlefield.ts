import type { RequestListener } from 'node:http'
import type { Answer } from './answers.js'
import type { Attack } from './attack.js'
import { compareDigests, compareLists, createDigest, findTexts, takeAudit } from './attack-checks.js'
import { createRows, type Row } from './attack-rows.js'
import { type AttackServer, createListener, type ServerName, startAttackServer } from './attack-servers.js'
import { createAttackStage, DOCUMENT, PERSON, type Stage } from './attack-stage.js'
import { type Expectation, findCellFaults, toExpectation } from './expected-cell.js'
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

/** Makes a server wrong on purpose; what the stage itself asks first is answered by the right one. */
export type Tamper = (listener: RequestListener, stage: Stage) => RequestListener

const BOUND_MS = 15_000
const BOUND_BYTES = 512 * 1024 * 1024
/** How long the impatient server waits for a head. */
const HEAD_TIMEOUT_MS = 200

/** Starts a server of that name, and makes what can be attacked there. */
export async function createBattlefield(
  name: ServerName,
  tamper: Tamper = (listener) => listener,
): Promise<Battlefield> {
  const stage = await createAttackStage()
  const listener = createListener(name, stage.options)
  const tampered = tamper(listener, stage)
  let isReady = false
  const servers = await startServers((req, res) => (isReady ? tampered : listener)(req, res))
  const rows = await createRows(stage)
  const play = await createPlayer({ stage, rows, servers })
  const look = await createLook(stage)
  isReady = true
  return {
    stage,
    rows,
    async playLine(attack, expectedCells, { toRefused = () => '401', ...bounds } = {}) {
      const found = await Promise.all(
        expectedCells.map(async ({ row, expected }) => {
          const { cell, twin } = await play(attack, row, { expected, ...bounds })
          const expectation = toExpectation(attack, cell, { expected, toRefused })
          return { expectation, faults: findCellFaults(attack, cell, { words: expectation.words, twin }) }
        }),
      )
      await Promise.all([servers.patient.idle(), servers.impatient.idle()])
      await stage.settle()
      const traces = await look(found.map(({ expectation }) => expectation))
      return [...found.flatMap(({ faults }) => faults), ...traces]
    },
    async playEffective(row) {
      const target = createTarget({ stage, row, sample: row.effective, caller: 'operator' })
      const bounds = { boundMs: BOUND_MS, boundBytes: BOUND_BYTES }
      const given = { server: servers.patient, reference: NO_ANSWER, secrets: [], ids: [], ...bounds }
      return requireAnswer(await playAttack(PLAIN, target, given)).status
    },
    async close() {
      await Promise.all([servers.patient.close(), servers.impatient.close()])
      await stage.close()
    },
  }
}

interface Servers {
  readonly patient: AttackServer
  /** Gives up early on heads that do not end: that is a matter of the HTTP server, and of its options. */
  readonly impatient: AttackServer
}

async function startServers(listener: RequestListener): Promise<Servers> {
  return {
    patient: await startAttackServer(listener),
    impatient: await startAttackServer(listener, {
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: HEAD_TIMEOUT_MS * 2,
      connectionsCheckingInterval: 20,
    }),
  }
}

type Play = (
  attack: Attack,
  row: Row,
  options: { readonly expected: string; readonly boundMs?: number; readonly boundBytes?: number },
) => Promise<{ readonly cell: Cell; readonly twin: Answer | undefined }>

/** Returns what plays an attack on a route. It knows how each answers without any attack, and what came of those before. */
async function createPlayer({
  stage,
  rows,
  servers,
}: {
  readonly stage: Stage
  readonly rows: readonly Row[]
  readonly servers: Servers
}): Promise<Play> {
  const references = new Map<string, Answer>()
  const answered = new Map<string, Answer | undefined>()
  const ids = toIds(rows)
  const play: Play = async (attack, row, { expected, boundMs = BOUND_MS, boundBytes = BOUND_BYTES }) => {
    const options: PlayOptions = {
      server: attack.isSlow ? servers.impatient : servers.patient,
      reference: references.get(row.name) ?? NO_ANSWER,
      secrets: toSecrets(stage),
      ids,
      boundMs,
      boundBytes,
    }
    const cell = await playAttack(attack, chooseTarget(attack, row, expected, stage), options)
    answered.set(`${attack.name}/${row.name}`, cell.answers[0])
    return { cell, twin: answered.get(`${attack.sameAs}/${row.name}`) }
  }
  for (const row of rows) {
    const { cell } = await play(PLAIN, row, { expected: 'ok' })
    references.set(row.name, requireAnswer(cell))
  }
  return play
}

/** Returns what looks for all that a line has left behind, and should not. */
async function createLook(stage: Stage): Promise<(expected: readonly Expectation[]) => Promise<string[]>> {
  const { knex, persona, log, signatures } = stage
  const readDigest = await createDigest(knex)
  let state = await readDigest()
  let asked = persona.fake.requests.length
  await takeAudit(knex)
  log.splice(0)
  return async (expected) => {
    const before = state
    state = await readDigest()
    const audit = await takeAudit(knex)
    const calls = persona.fake.requests.slice(asked).map(({ method, path }) => `${method} ${path}`)
    asked = persona.fake.requests.length
    const told = findTexts(log.splice(0).join('\n'), [...toSecrets(stage), ...signatures])
    signatures.clear()
    return [
      ...compareDigests(before, state).map((table) => `the table ${table} has changed`),
      ...compareLists('audit trail', audit, { expected: expected.flatMap((cell) => cell.audit) }),
      ...compareLists('Persona', calls, {
        expected: expected.flatMap((cell) => cell.calls),
        possible: expected.flatMap((cell) => cell.possibleCalls),
      }),
      ...told.map((fault) => `${fault} in the log`),
    ]
  }
}

function requireAnswer({ row, answers, faults }: Cell): Answer {
  const [answer] = answers
  if (answer !== undefined && faults.length === 0) return answer
  throw new Error(`${row.name} does not answer as it should: ${faults.join()}`)
}

function toSecrets({ secrets }: Stage): string[] {
  return [...secrets, ...Object.values(PERSON), ...Object.values(DOCUMENT)]
}

/** What tells of a case or of its user. */
function toIds(rows: readonly Row[]): string[] {
  const ids = rows.flatMap((row) => [row.effective.caseId, row.harmless.caseId, row.pendingCaseId])
  return ['user_canary', 'inq_', ...new Set(ids.filter((id) => id !== null))]
}

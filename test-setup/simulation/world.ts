import {
  createKycEngine,
  isKycError,
  type KycEngine,
  type KycStorage,
  PersonaApiError,
  type PersonaEvent,
  signWebhook,
} from '@persona-kyc/core'
import { createSeededRandom } from '@persona-kyc/testing'
import { type Command, type History, USERS } from './history.js'
import { createScheduler, type Scheduler } from './scheduler.js'
import { createSimulatedPersona, type SimulatedInquiry, type SimulatedPersona } from './simulated-persona.js'
import { listStoredEvents } from './stored-events.js'

/** A world after its history: what Persona holds, what the storage holds, and which events were acknowledged. */
export interface World {
  readonly persona: SimulatedPersona
  readonly storage: KycStorage
  /** The events that were acknowledged and are not stored: there must be none. */
  readonly lost: readonly string[]
  /** True when every event of Persona's must have been recorded. */
  readonly isComplete: boolean
}

interface Process {
  engine: KycEngine
  /** How many turns it has left to live; null for as many as it likes. */
  turnsLeft: number | null
  isDead: boolean
  /** Resolves when it dies: what it was doing never ends. */
  died: Promise<void>
}

const START = Date.parse('2026-01-02T03:04:05.678Z')
/** What the simulated Persona signs with. */
export const SECRET = 'wbhsec_simulated'
const WAITING = new Set(['initiation_in_progress', 'case_not_resumable', 'case_erased'])

/** Plays a history on an empty storage, lets everything come to rest, and brings home what was missed. */
export async function play(history: History, storage: KycStorage): Promise<World> {
  const random = createSeededRandom(history.seed)
  const scheduler = createScheduler(random, START)
  const persona = createSimulatedPersona(scheduler.now, random)
  const faults = { rate: history.faultRate, draw: () => (random() < faults.rate ? random() : 1) }
  const start = () => startProcess({ scheduler, persona, storage, faults })
  const processes = [start(), start()]
  const failures: unknown[] = []
  const context: Context = {
    history,
    scheduler,
    persona,
    storage,
    acknowledged: new Set(),
    live(index) {
      const found = processes[index] ?? start()
      if (!found.isDead) return found
      const restarted = start()
      processes[index] = restarted
      return restarted
    },
    launch(process, work) {
      void Promise.race([work(), process.died]).catch((error: unknown) => {
        if (!isExpected(error)) failures.push(error)
      })
    },
  }
  for (const command of history.commands) await perform(context, command)
  await scheduler.run()
  const lost = await findLost(context)
  faults.rate = 0
  for (const process of processes) process.turnsLeft = null
  await bringHome(context)
  if (failures.length > 0) throw failures[0]
  return { persona, storage, lost, isComplete: history.ending !== 'cases' && history.ending !== 'nothing' }
}

/** What the storage lacks of what was acknowledged, before anybody catches up. */
async function findLost({ storage, acknowledged }: Context): Promise<string[]> {
  const stored = new Set((await listStoredEvents(storage)).map(({ id }) => id))
  return [...acknowledged].filter((id) => !stored.has(id))
}

async function bringHome(context: Context): Promise<void> {
  const { history, scheduler, persona, live, launch } = context
  if (history.ending === 'nothing') return
  // Longer than any lease, and than the reconciler's overlap.
  scheduler.advance(300_000)
  if (history.ending === 'redeliver' || history.hidesReference) {
    for (let user = 0; user < USERS; user++) await perform(context, { kind: 'initiate', process: user % 2, user })
    await scheduler.run()
  }
  if (history.ending === 'redeliver') {
    for (const [index] of persona.events.entries())
      await deliver(context, { process: 0, index, copies: 1 + (index % 3) })
  } else {
    const { ending } = history
    const process = live(0)
    launch(process, () =>
      process.engine.reconcile({ quietMs: 0, sources: ending === 'both' ? ['cases', 'events'] : [ending] }),
    )
  }
  await scheduler.run()
}

interface Context {
  readonly history: History
  readonly scheduler: Scheduler
  readonly persona: SimulatedPersona
  readonly storage: KycStorage
  readonly acknowledged: Set<string>
  live(index: number): Process
  launch(process: Process, work: () => Promise<unknown>): void
}

async function perform(context: Context, command: Command): Promise<void> {
  const { scheduler, persona, storage, live, launch } = context
  switch (command.kind) {
    case 'initiate': {
      const process = live(command.process)
      const user = { userId: `user-${command.user}`, documentType: 'passport' }
      return launch(process, () => process.engine.initiateKyc(user))
    }
    case 'resume': {
      const process = live(command.process)
      const { items } = await storage.listCases({ status: null, claim: null, after: null, limit: 500 })
      const kycCase = items[command.index % Math.max(1, items.length)]
      if (kycCase !== undefined) launch(process, () => process.engine.resumeCase(kycCase.id))
      return
    }
    case 'act': {
      const inquiry = persona.inquiries[command.index % Math.max(1, persona.inquiries.length)]
      if (inquiry !== undefined && (await isReachable(context, inquiry))) persona.act(inquiry, command.action)
      return
    }
    case 'exhaust': {
      const inquiry = persona.inquiries[command.index % Math.max(1, persona.inquiries.length)]
      if (inquiry !== undefined) Object.assign(inquiry, { isExhausted: true })
      return
    }
    case 'foreign':
      return persona.addForeign(command.isReferring ? (persona.inquiries[0]?.referenceId ?? null) : null)
    case 'deliver':
      return deliver(context, command)
    case 'reconcile': {
      const process = live(command.process)
      return launch(process, () => process.engine.reconcile({ quietMs: 0 }))
    }
    case 'crash':
      live(command.process).turnsLeft = command.afterTurns
      return
    case 'tick':
      return scheduler.advance(command.ms)
    case 'run':
      for (let turn = 0; turn < command.turns; turn++) await scheduler.step()
  }
}

/** Nobody can act on an inquiry that is to replace another one before its case has it. */
async function isReachable({ persona, storage }: Context, inquiry: SimulatedInquiry): Promise<boolean> {
  const { id, referenceId } = inquiry
  const [first] = persona.inquiries.filter((other) => other.referenceId === referenceId)
  if (referenceId === null || first === inquiry) return true
  return (await storage.getCase(referenceId))?.personaInquiryId === id
}

async function deliver(
  { history, persona, live, launch, acknowledged, scheduler }: Context,
  { process: number, index, copies }: Omit<Extract<Command, { kind: 'deliver' }>, 'kind'>,
): Promise<void> {
  const event = persona.events[index % Math.max(1, persona.events.length)]
  if (event === undefined) return
  const body = new TextEncoder().encode(JSON.stringify(toWebhook(event, history)))
  const timestampSeconds = Math.floor(scheduler.now() / 1000)
  const signature = await signWebhook({ body, secrets: SECRET, timestampSeconds })
  for (let copy = 0; copy < copies; copy++) {
    const process = live((number + copy) % 2)
    launch(process, async () => {
      await process.engine.processWebhook({ body, signature })
      acknowledged.add(event.id)
    })
  }
}

function toWebhook({ id, name, createdAt, inquiry }: PersonaEvent, { hidesReference }: History): object {
  const attributes = { status: inquiry?.status, 'reference-id': hidesReference ? null : inquiry?.referenceId }
  const template = { data: { type: 'inquiry-template', id: inquiry?.templateIds[0] } }
  const data = { type: 'inquiry', id: inquiry?.id, attributes, relationships: { 'inquiry-template': template } }
  return {
    data: { type: 'event', id, attributes: { name, 'created-at': createdAt?.toISOString(), payload: { data } } },
  }
}

function startProcess({
  scheduler,
  persona,
  storage,
  faults,
}: Pick<Context, 'scheduler' | 'persona' | 'storage'> & { faults: { draw(): number } }): Process {
  let die = () => {}
  const died = new Promise<void>((resolve) => {
    die = resolve
  })
  const process = { turnsLeft: null, isDead: false, died } as Omit<Process, 'engine'>
  /** Any await may be the last one. */
  const turn = async () => {
    if (process.turnsLeft !== null) process.turnsLeft -= 1
    if (process.turnsLeft !== null && process.turnsLeft < 0) {
      process.isDead = true
      die()
    }
    if (process.isDead) return new Promise<void>(() => {})
    await scheduler.turn()
    // It may have died while this one waited.
    return process.isDead ? new Promise<void>(() => {}) : undefined
  }
  const client = persona.createClient(async (call) => {
    await turn()
    const fault = faults.draw()
    if (fault < 0.3) throw new PersonaApiError('persona_unreachable')
    if (fault < 0.4) throw new PersonaApiError('persona_rate_limited', { status: 429 })
    const result = call()
    await turn()
    if (fault < 1) throw new PersonaApiError('persona_timeout')
    return result
  })
  return Object.assign(process, {
    engine: createKycEngine({
      persona: client,
      storage: toGated(storage, turn, scheduler),
      templateId: 'itmpl_simulated',
      webhookSecrets: SECRET,
      now: scheduler.now,
      sleep: async (ms: number) => {
        await scheduler.sleep(ms)
        await turn()
      },
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    }),
  })
}

/** The storage, with a turn before and after each call. */
function toGated(storage: KycStorage, turn: () => Promise<void>, scheduler: Scheduler): KycStorage {
  return new Proxy(storage, {
    get(target, name: keyof KycStorage) {
      if (name === 'watchFeed') return target.watchFeed
      const method = target[name] as (...args: unknown[]) => Promise<unknown>
      return async (...args: unknown[]) => {
        await turn()
        const result = await scheduler.outside(() => method.apply(target, args))
        await turn()
        return result
      }
    },
  })
}

/** What callers must expect: Persona's failures, and an initiation that somebody else has under way. */
function isExpected(error: unknown): boolean {
  return isKycError(error) && (error.name === 'PersonaApiError' || WAITING.has(error.code))
}

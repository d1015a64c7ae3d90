import type { PersonaClient, PersonaHealth } from './client.js'
import type { EngineContext } from './engine-context.js'
import { toLogFields } from './logger.js'

/** How storage and Persona's API do. */
export interface KycHealth {
  readonly storage: 'ok' | 'unreachable'
  readonly persona: PersonaHealth['status']
}

/** Strangers may ask as often as they like. */
const STORAGE_CACHE_MS = 1000
const PERSONA_CACHE_MS = 15_000

/** Asks the storage at most once a second, whoever asks here. Never rejects. */
export function createStorageProbe(context: EngineContext): () => Promise<KycHealth['storage']> {
  return keepFor(STORAGE_CACHE_MS, context.now, () => askStorage(context))
}

/** Asks Persona at most once in 15 seconds, whoever asks here. */
export function createPersonaProbe(persona: PersonaClient, now: () => number): () => Promise<PersonaHealth['status']> {
  return keepFor(PERSONA_CACHE_MS, now, async () => (await persona.health()).status)
}

async function askStorage({ storage, logger }: EngineContext): Promise<KycHealth['storage']> {
  try {
    await storage.ping()
    return 'ok'
  } catch (error) {
    logger.error(toLogFields(error), 'the storage does not answer')
    return 'unreachable'
  }
}

function keepFor<Value>(keepMs: number, now: () => number, ask: () => Promise<Value>): () => Promise<Value> {
  let last: { readonly at: number; readonly answer: Promise<Value> } | undefined
  return () => {
    // Also after the clock has gone back: what was asked in its future says nothing.
    if (last === undefined || Math.abs(now() - last.at) >= keepMs) last = { at: now(), answer: ask() }
    return last.answer
  }
}

import type { PersonaClient, PersonaHealth } from './client.js'
import type { EngineContext } from './engine-context.js'
import { toLogFields } from './logger.js'

/** How storage and Persona's API do. */
export interface KycHealth {
  readonly storage: 'ok' | 'unreachable'
  readonly persona: PersonaHealth['status']
}

const HEALTH_CACHE_MS = 15_000

/** Asks the storage. Never rejects. */
export async function checkStorage({ storage, logger }: EngineContext): Promise<KycHealth['storage']> {
  try {
    await storage.ping()
    return 'ok'
  } catch (error) {
    logger.error(toLogFields(error), 'the storage does not answer')
    return 'unreachable'
  }
}

/** Asks Persona at most once in 15 seconds, whoever asks here. */
export function createPersonaProbe(persona: PersonaClient, now: () => number): () => Promise<PersonaHealth['status']> {
  let last: { readonly at: number; readonly health: Promise<PersonaHealth> } | undefined
  return async () => {
    if (last === undefined || now() - last.at >= HEALTH_CACHE_MS) last = { at: now(), health: persona.health() }
    return (await last.health).status
  }
}

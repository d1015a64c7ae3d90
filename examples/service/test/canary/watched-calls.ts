import type { KycEngine, KycStorage } from '@persona-kyc/core'

/** What a storage is asked for is not kept there, whatever a caller may ask for. */
const READING = /^(get|has|list|read)/

/** The same storage, which notes all that it is given to keep, and all that it gives. */
export function watchStorage(storage: KycStorage, stored: unknown[]): KycStorage {
  return watch(storage, async (result, name, parameters) => {
    if (!READING.test(name)) stored.push([name, parameters])
    stored.push([name, await result])
  })
}

/** The same engine, which notes all errors that it rejects with. */
export function watchEngine(engine: KycEngine, errors: unknown[]): KycEngine {
  return watch(engine, (result) => result.catch((error: unknown) => void errors.push(error)))
}

type Note = (result: Promise<unknown>, name: string, parameters: readonly unknown[]) => Promise<unknown>

/** The same object, of which each call that resolves or rejects is noted. */
function watch<Watched extends object>(watched: Watched, note: Note): Watched {
  return new Proxy(watched, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (typeof member !== 'function') return member
      return (...parameters: unknown[]) => {
        const result: unknown = Reflect.apply(member, target, parameters)
        if (result instanceof Promise) note(result, String(name), parameters).catch(() => {})
        return result
      }
    },
  })
}

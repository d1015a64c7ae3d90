/** A signal that Ctrl-C and SIGTERM abort: long work ends in order. A second one ends the process as always. */
export function createInterruption(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  return controller.signal
}

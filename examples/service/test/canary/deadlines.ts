const controllers = new WeakMap<AbortSignal, AbortController>()

/** Has deadlines pass also when `passDeadline` says so. Returns what ends that. */
export function controlDeadlines(): () => void {
  const { timeout } = AbortSignal
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController()
    const signal = AbortSignal.any([timeout.call(AbortSignal, ms), controller.signal])
    controllers.set(signal, controller)
    return signal
  }
  return () => {
    AbortSignal.timeout = timeout
  }
}

/** Lets that deadline pass now. */
export function passDeadline(signal: AbortSignal): void {
  controllers.get(signal)?.abort(new DOMException('The deadline has passed.', 'TimeoutError'))
}

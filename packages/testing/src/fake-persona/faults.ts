/** What goes wrong. */
export type FaultKind =
  /** Never answers, and nothing happens; ends when the request is aborted or the fake is reset or closed. */
  | 'timeout'
  /** The connection breaks before anything happens. */
  | 'connection_reset'
  /** The request takes effect, then the connection breaks: the answer is lost. */
  | 'connection_reset_after'
  /** Answers 500 (or `status`) without effect. Stored under the idempotency key, as Persona stores failures. */
  | 'server_error'
  /** Answers 429 without effect. Never stored. */
  | 'rate_limited'
  /** Answers 200 (or `status`) with a page of HTML, as a proxy would, without effect. Never stored. */
  | 'not_json'
  /** Waits `delayMs`, then takes effect and answers. */
  | 'delay'
  /** Takes effect at once and answers `delayMs` later. */
  | 'slow_answer'

/** A fault to inject into the next matching requests. */
export interface Fault {
  readonly kind: FaultKind
  /** Only requests with this method. Default: all. */
  readonly method?: string
  /** Only requests with this path after `/api/v1`, such as `/inquiries`; `*` stands for any run of characters. Default: all. */
  readonly path?: string | RegExp
  /** How many requests it hits. Default 1; `Infinity` until `reset()`. */
  readonly times?: number
  /** For `delay` and `slow_answer`. Default 1000. */
  readonly delayMs?: number
  /** For `server_error` (default 500) and `not_json` (default 200). */
  readonly status?: number
}

/** The faults that wait for a request. */
export interface FaultQueue {
  add(fault: Fault): void
  /** Takes one use of the oldest matching fault. */
  take(request: { method: string; path: string }): Fault | undefined
  clear(): void
}

/** Returns an empty {@link FaultQueue}. */
export function createFaultQueue(): FaultQueue {
  let waiting: { readonly fault: Fault; left: number }[] = []
  return {
    add: (fault) => void waiting.push({ fault, left: fault.times ?? 1 }),
    take(request) {
      const entry = waiting.find(({ fault }) => isMatch(fault, request))
      if (entry === undefined) return undefined
      entry.left -= 1
      waiting = waiting.filter(({ left }) => left > 0)
      return entry.fault
    },
    clear: () => {
      waiting = []
    },
  }
}

function isMatch(fault: Fault, { method, path }: { method: string; path: string }): boolean {
  const hasMethod = fault.method === undefined || fault.method.toUpperCase() === method
  return hasMethod && (fault.path === undefined || toPattern(fault.path).test(path))
}

function toPattern(path: string | RegExp): RegExp {
  if (path instanceof RegExp) return new RegExp(path.source, path.flags.replace(/[gy]/g, ''))
  const parts = path.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`)
}

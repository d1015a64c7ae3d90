/** Decides what happens next in a simulated world: the same numbers, the same order. */
export interface Scheduler {
  readonly now: () => number
  /** Moves the clock. */
  advance(ms: number): void
  /** Resolves when the scheduler lets whoever waits go on. */
  turn(): Promise<void>
  /** Resolves when the clock has come so far. */
  sleep(ms: number): Promise<void>
  /** Marks work whose end only the outside knows, such as a statement on a database. */
  outside<Result>(call: () => Promise<Result>): Promise<Result>
  /** Lets one of those who wait go on, or the clock move where all sleep. False when nobody waits. */
  step(): Promise<boolean>
  /** Steps until nobody waits, but so often at most. */
  run(most?: number): Promise<void>
}

interface Sleeper {
  readonly atMs: number
  readonly wake: () => void
}

/** Returns a scheduler whose choices `random` makes. */
export function createScheduler(random: () => number, startMs: number): Scheduler {
  const waiting: (() => void)[] = []
  let sleepers: Sleeper[] = []
  let nowMs = startMs
  let outside = 0
  let onInside = () => {}

  const settle = async () => {
    // Everything inside runs in microtasks: they are all done when an immediate comes.
    await new Promise((resolve) => setImmediate(resolve))
    while (outside > 0) {
      await new Promise<void>((resolve) => {
        onInside = resolve
      })
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const wakeDue = () => {
    const due = sleepers.filter(({ atMs }) => atMs <= nowMs)
    sleepers = sleepers.filter(({ atMs }) => atMs > nowMs)
    for (const { wake } of due) wake()
  }
  const scheduler: Scheduler = {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms
      wakeDue()
    },
    turn: () => new Promise((resolve) => waiting.push(resolve)),
    sleep: (ms) => new Promise((wake) => sleepers.push({ atMs: nowMs + ms, wake })),
    async outside(call) {
      outside += 1
      try {
        return await call()
      } finally {
        outside -= 1
        if (outside === 0) onInside()
      }
    },
    async step() {
      await settle()
      if (waiting.length > 0) {
        const [next] = waiting.splice(Math.floor(random() * waiting.length), 1)
        next?.()
      } else if (sleepers.length > 0) {
        nowMs = Math.min(...sleepers.map(({ atMs }) => atMs))
        wakeDue()
      } else {
        return false
      }
      await settle()
      return true
    },
    async run(most = 5000) {
      for (let steps = 0; steps < most; steps++) {
        if (!(await scheduler.step())) return
      }
      throw new Error('The simulated world does not come to rest.')
    },
  }
  return scheduler
}

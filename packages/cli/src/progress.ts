import { Presets, SingleBar } from 'cli-progress'

/** Shows how far long work is. */
export interface Progress {
  /** `total` is null where nobody knows it. */
  show(label: string, done: number, total: number | null): void
  stop(): void
}

const EVERY_MS = 5000

/** Returns a bar on a terminal, and a line every five seconds elsewhere. Both go to stderr: stdout is for the report. */
export function createProgress(): Progress {
  return process.stderr.isTTY ? createBar() : createLines()
}

function createBar(): Progress {
  const bar = new SingleBar(
    {
      format: ' {label} [{bar}] {value}/{total}',
      hideCursor: true,
      stream: process.stderr,
      formatValue: (value, _options, type) => (type === 'total' && value === 0 ? '?' : String(value)),
    },
    Presets.shades_classic,
  )
  let shown: string | null = null
  return {
    show(label, done, total) {
      if (shown !== label) {
        if (shown !== null) bar.stop()
        bar.start(total ?? 0, 0, { label })
        shown = label
      }
      if (total !== null) bar.setTotal(total)
      bar.update(done)
    },
    stop() {
      if (shown !== null) bar.stop()
    },
  }
}

function createLines(): Progress {
  let lastAt = Date.now()
  return {
    show(label, done, total) {
      if (Date.now() - lastAt < EVERY_MS) return
      lastAt = Date.now()
      process.stderr.write(`${label}: ${done}${total === null ? '' : ` of ${total}`}\n`)
    },
    stop() {},
  }
}

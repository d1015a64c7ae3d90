/** What a process writes while it is captured. */
export interface OutputCapture {
  readonly console: string[]
  readonly stdout: string[]
  readonly stderr: string[]
  /** Lets everything be written again. */
  end(): void
}

const METHODS = ['debug', 'dir', 'error', 'info', 'log', 'table', 'trace', 'warn'] as const

/** Keeps what is written to the console, standard output and standard error of this process. One at a time may do so. */
export function captureOutput(toText: (value: unknown) => string): OutputCapture {
  const written = { console: [] as string[], stdout: [] as string[], stderr: [] as string[] }
  const ends = [
    ...METHODS.map((method) =>
      replace(console, method, (...values: unknown[]) => void written.console.push(values.map(toText).join(' '))),
    ),
    ...(['stdout', 'stderr'] as const).map((name) =>
      replace(process[name], 'write', (chunk: unknown) => written[name].push(toWritten(chunk)) > 0),
    ),
  ]
  return {
    ...written,
    end() {
      for (const end of ends) end()
    },
  }
}

function toWritten(chunk: unknown): string {
  return chunk instanceof Uint8Array ? Buffer.from(chunk).toString() : String(chunk)
}

function replace<Name extends string>(owner: Record<Name, unknown>, name: Name, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  Object.defineProperty(owner, name, { configurable: true, value, writable: true })
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, name)
    else Object.defineProperty(owner, name, own)
  }
}

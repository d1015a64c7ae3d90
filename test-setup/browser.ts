import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { TestContext } from 'vitest'

/** A page in a real browser. */
export interface BrowserPage {
  /** Loads a URL, and resolves when it is there. */
  open(url: string): Promise<void>
  /** Calls a method of the Chrome DevTools Protocol. */
  send(method: string, params?: object): Promise<unknown>
  /** The value of an expression in the page, which must be JSON. The page's own policy does not count for it. */
  evaluate(expression: string): Promise<unknown>
  /** All that the page's console, its log, and the checks of the browser had to say. */
  readonly complaints: string[]
}

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-dev-shm-usage',
  '--remote-debugging-pipe',
]

const EVENTS: Readonly<Record<string, true>> = {
  'Audits.issueAdded': true,
  'Log.entryAdded': true,
  'Runtime.consoleAPICalled': true,
  'Runtime.exceptionThrown': true,
}

/** A real browser, which is started when the first page is asked for. */
export interface Browser {
  /** Opens an empty page, or skips the test and says why. */
  openPage(context: TestContext): Promise<BrowserPage>
  /** Ends the browser, if it runs. */
  close(): Promise<void>
}

/** Returns a browser for several tests. */
export function createBrowser(): Browser {
  const path = PATHS.find(existsSync)
  let started: Promise<{ connection: Connection; close(): Promise<void> }> | undefined
  return {
    async openPage(context) {
      if (path === undefined) return context.skip('there is no Chromium: apt-get install chromium')
      started ??= start(path)
      return openPage((await started).connection)
    },
    async close() {
      await (await started)?.close()
    },
  }
}

async function start(path: string): Promise<{ connection: Connection; close(): Promise<void> }> {
  const profile = await mkdtemp(join(tmpdir(), 'persona-kyc-browser-'))
  const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const
  const browser = spawn(path, [...FLAGS, `--user-data-dir=${profile}`], { stdio: [...stdio] })
  const exited = new Promise((resolve) => browser.once('exit', resolve))
  return {
    connection: connect(browser),
    async close() {
      browser.kill('SIGKILL')
      await exited
      // What the browser started may still be writing there.
      await rm(profile, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

interface Connection {
  send(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>>
  on(listener: (event: Message) => void): void
}

interface Message {
  readonly id?: number
  readonly sessionId?: string
  readonly method?: string
  readonly params?: unknown
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** Messages are JSON, each ended by a NUL. */
function connect(browser: ChildProcess): Connection {
  const [, , , input, output] = browser.stdio as unknown as [null, null, null, Writable, Readable]
  const waiting = new Map<number, (message: Message) => void>()
  const listeners: ((event: Message) => void)[] = []
  let rest = ''
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\0')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const message = JSON.parse(part) as Message
      if (message.id !== undefined) waiting.get(message.id)?.(message)
      else for (const listener of listeners) listener(message)
    }
  })
  let lastId = 0
  return {
    on: (listener) => void listeners.push(listener),
    send: (method, params, sessionId) =>
      new Promise((resolve, reject) => {
        lastId += 1
        waiting.set(lastId, ({ result = {}, error }) =>
          error === undefined ? resolve(result) : reject(new Error(`${method}: ${error.message}`)),
        )
        input.write(`${JSON.stringify({ id: lastId, method, params, ...(sessionId && { sessionId }) })}\0`)
      }),
  }
}

async function openPage(connection: Connection): Promise<BrowserPage> {
  const { targetId } = await connection.send('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await connection.send('Target.attachToTarget', { targetId, flatten: true })
  const send = (method: string, params: object = {}) => connection.send(method, params, String(sessionId))
  const complaints: string[] = []
  let onLoad = () => {}
  connection.on(({ method = '', params, sessionId: of }) => {
    if (of !== sessionId) return
    if (EVENTS[method]) complaints.push(`${method} ${JSON.stringify(params)}`)
    if (method === 'Page.loadEventFired') onLoad()
  })
  for (const domain of ['Page', 'Runtime', 'Log', 'Audits']) await send(`${domain}.enable`)
  return {
    send,
    complaints,
    async open(url) {
      const loaded = new Promise<void>((resolve) => {
        onLoad = resolve
      })
      await send('Page.navigate', { url })
      await loaded
    },
    async evaluate(expression) {
      const { result, exceptionDetails } = await send('Runtime.evaluate', { expression, returnByValue: true })
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
      return (result as { value: unknown }).value
    },
  }
}

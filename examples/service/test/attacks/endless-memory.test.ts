import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectRaw, type RawClient, toChunk, toHead } from '../../../../test-setup/raw-client.js'
import { CASES, HEALTH, WEBHOOK } from './ask.js'
import { SERVER_NAMES, type ServerName } from './attack-servers.js'

/** How often each attack is made; `npm run attack:endless` makes it 200 times. */
const REPETITIONS = Number(process.env.ATTACK_REPETITIONS ?? 5)
/** So many at once, whatever their number. */
const AT_ONCE = 40
const TOKEN = 'token-canary-victim-0123456789012'
const MEBIBYTE = 1024 * 1024
/** What a run may leave behind in the heap and beside it: nothing, but for what the engine of JavaScript keeps for itself. */
const HELD_BYTES = 4 * MEBIBYTE
/** How far the memory may rise meanwhile: so many bodies of the largest size, and what the kernel hands over at once. */
const RISE_BYTES = 96 * MEBIBYTE

const AUTHORIZED = { authorization: `Bearer ${TOKEN}` }
const CHUNKED = { 'transfer-encoding': 'chunked' }
const SIGNED = { 'persona-signature': `t=1,v1=${'0'.repeat(64)}` }

type Play = (client: RawClient) => void

/** What never ends, each in another way. */
const ENDLESS = {
  'a webhook in chunks': (client) => {
    client.send(toHead('POST', WEBHOOK, { ...CHUNKED, ...SIGNED }))
    client.sendForever(toChunk(64 * 1024))
  },
  'a start in chunks': (client) => {
    client.send(toHead('POST', CASES, { ...CHUNKED, ...AUTHORIZED }))
    client.sendForever(toChunk(64 * 1024))
  },
  'a start by nobody': (client) => {
    client.send(toHead('POST', CASES, CHUNKED))
    client.sendForever(toChunk(64 * 1024))
  },
  'a GET with a body': (client) => {
    client.send(toHead('GET', HEALTH, { 'content-length': 1024 ** 4 }))
    client.sendForever('x'.repeat(64 * 1024))
  },
  'the extension of a chunk': (client) => {
    client.send(`${toHead('POST', WEBHOOK, { ...CHUNKED, ...SIGNED })}1;`)
    client.sendForever('a'.repeat(1024))
  },
  trailers: (client) => {
    client.send(`${toHead('POST', WEBHOOK, { ...CHUNKED, ...SIGNED })}0\r\n`)
    client.sendForever('X-Trailer: 1\r\n'.repeat(100))
  },
  headers: (client) => {
    client.send(toHead('POST', WEBHOOK, {}).slice(0, -2))
    client.sendForever('X-Header: 1\r\n'.repeat(100))
  },
  'chunks of one byte': (client) => {
    client.send(toHead('POST', WEBHOOK, { ...CHUNKED, ...SIGNED }))
    client.drip(() => toChunk(1).repeat(64), 5)
  },
  'a dripping body': (client) => {
    client.send(toHead('POST', WEBHOOK, { 'content-length': 100_000, ...SIGNED }))
    client.drip(() => 'x', 5)
  },
  'a dripping head': (client) => {
    client.send(toHead('POST', WEBHOOK, {}).slice(0, -2))
    client.drip(() => 'x', 5)
  },
} satisfies Record<string, Play>

describe.each(SERVER_NAMES)('the memory of %s', (name) => {
  it(`is what it was after ${REPETITIONS} of each attack that never ends`, async () => {
    const victim = await startVictim(name)
    const before = await attack(victim, Object.values(ENDLESS))
    const after = await attack(victim, Array(REPETITIONS).fill(Object.values(ENDLESS)).flat())
    expect(after.heldBytes - before.heldBytes).toBeLessThan(HELD_BYTES)
    expect(after.peakBytes - before.peakBytes).toBeLessThan(RISE_BYTES)
    // Node itself warns there of listeners that pile up, and of rejections that nobody handles.
    expect(victim.complaints()).toBe('')
  }, 600_000)
})

describe('a server that keeps what comes', () => {
  it('is found', async () => {
    const victim = await startVictim('express', 'hoard')
    const { 'a start in chunks': play } = ENDLESS
    const before = await attack(victim, [])
    const after = await attack(victim, [play])
    expect(after.heldBytes - before.heldBytes).toBeGreaterThan(HELD_BYTES)
  }, 60_000)
})

interface Victim {
  readonly port: number
  /** Waits for all connections to end, and for the memory to be cleared. */
  measure(): Promise<{ heldBytes: number; peakBytes: number }>
  /** What it has written so far. */
  complaints(): string
}

async function startVictim(name: ServerName, ...faults: readonly string[]): Promise<Victim> {
  const child = fork(fileURLToPath(new URL('attack-victim.ts', import.meta.url)), [name, ...faults], {
    execArgv: ['--expose-gc', '--import', 'tsx'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TSX_TSCONFIG_PATH: 'tsconfig.json', VICTIM_TOKEN: TOKEN },
    cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
    silent: true,
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      text += chunk
    })
  }
  onTestFinished(() => void child.kill())
  const { port } = await receive(child)
  return {
    port: Number(port),
    complaints: () => text,
    async measure() {
      child.send('measure')
      const { heldBytes, peakBytes } = await receive(child)
      return { heldBytes: Number(heldBytes), peakBytes: Number(peakBytes) }
    },
  }
}

async function receive(child: ChildProcess): Promise<Record<string, unknown>> {
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('The server has ended.')))
  const [message] = await Promise.race([once(child, 'message'), ended])
  return message
}

/** Makes these attacks, some at once, and tells of the memory thereafter. */
async function attack(victim: Victim, plays: readonly Play[]) {
  for (let at = 0; at < plays.length; at += AT_ONCE) {
    const clients = plays.slice(at, at + AT_ONCE).map(async (play) => {
      const client = await connectRaw(victim.port)
      play(client)
      await client.closed
    })
    await Promise.all(clients)
  }
  return victim.measure()
}

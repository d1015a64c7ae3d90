import { toChunk } from '../../../../test-setup/raw-client.js'
import { type Attack, toPlay, toRawAttack } from './attack.js'
import { SENTINEL } from './attack-servers.js'
import { type HeaderLine, type Target, toHeadBytes, toRequestBytes } from './request-draft.js'

const CHUNKED: readonly HeaderLine[] = [['Transfer-Encoding', 'chunked']]
const EVERY_MS = 5

/** The head of a request whose body is still to come, in chunks. */
function toChunkedHead(target: Target): Buffer {
  return toHeadBytes(target.draft({ body: target.toBody(), framing: CHUNKED }))
}

function flood(
  name: string,
  toFirst: (target: Target) => Buffer | string,
  toMore: string,
  given: Partial<Attack> = {},
): Attack {
  return toPlay(
    name,
    (target, { client }) => {
      client.send(toFirst(target))
      client.sendForever(toMore)
    },
    given,
  )
}

/** The head of a request without its last line. */
function toOpenHead(target: Target): Buffer {
  return toHeadBytes(target.draft()).subarray(0, -2)
}

/** What never ends, as fast as the server takes it. */
export const ENDLESS_STREAMS: readonly Attack[] = [
  flood('chunks of 64 KiB', toChunkedHead, toChunk(64 * 1024)),
  flood('chunks of 64 KiB, by nobody', toChunkedHead, toChunk(64 * 1024), { caller: 'nobody' }),
  toPlay('chunks of one byte, many', (target, { client }) => {
    client.send(toChunkedHead(target))
    client.drip(() => toChunk(1).repeat(64), EVERY_MS)
  }),
  flood(
    '1 TiB, announced',
    (target) => toHeadBytes(target.draft({ body: target.toBody(), framing: [['Content-Length', String(1024 ** 4)]] })),
    'x'.repeat(64 * 1024),
  ),
  toPlay('1 TiB, announced and not sent', (target, { client }) =>
    client.send(toHeadBytes(target.draft({ body: target.toBody(), framing: [['Content-Length', String(1024 ** 4)]] }))),
  ),
  toRawAttack('a chunk of 2^72 bytes', (target) =>
    Buffer.concat([toChunkedHead(target), Buffer.from('fffffffffffffffff\r\n')]),
  ),
  toRawAttack('a chunk of no number', (target) => Buffer.concat([toChunkedHead(target), Buffer.from('-1\r\n')])),
  toPlay('the size of a chunk, in zeros', (target, { client }) => {
    client.send(toChunkedHead(target))
    client.drip(() => '0'.repeat(1024), EVERY_MS)
  }),
  flood(
    'the extension of a chunk',
    (target) => Buffer.concat([toChunkedHead(target), Buffer.from('1;')]),
    'a'.repeat(1024),
  ),
  flood(
    'trailers',
    (target) => Buffer.concat([toChunkedHead(target), Buffer.from('0\r\n')]),
    'X-Trailer: 1\r\n'.repeat(100),
  ),
  flood('headers', toOpenHead, 'X-Header: 1\r\n'.repeat(100)),
  flood(
    'the value of a header',
    (target) => Buffer.concat([toOpenHead(target), Buffer.from('X-Header: ')]),
    'a'.repeat(1024),
  ),
  flood('the path', ({ method, path }) => `${method} ${path}`, 'a'.repeat(1024)),
  flood('line ends before a request', () => '', '\r\n'.repeat(512), { isSlow: true }),
]

/** What comes a byte at a time. */
export const DRIPS: readonly Attack[] = [
  toPlay('a whole request, byte by byte', async (target, { client }) => {
    await client.sendOneByOne(toRequestBytes(target.draft()))
    client.send(SENTINEL)
  }),
  toPlay('a body that never ends', (target, { client }) => {
    client.send(toHeadBytes(target.draft({ body: target.toBody(), framing: [['Content-Length', '50000']] })))
    client.drip(() => ' ', EVERY_MS)
  }),
  toPlay('chunks of one byte that never end', (target, { client }) => {
    client.send(toChunkedHead(target))
    client.drip(() => '1\r\n \r\n', EVERY_MS)
  }),
  toPlay(
    'a body that never ends, by nobody',
    (target, { client }) => {
      client.send(toHeadBytes(target.draft({ body: target.toBody(), framing: [['Content-Length', '50000']] })))
      client.drip(() => ' ', EVERY_MS)
    },
    { caller: 'nobody' },
  ),
  toPlay('a body that never starts', (target, { client }) =>
    client.send(toHeadBytes(target.draft({ body: target.toBody(), framing: [['Content-Length', '50000']] }))),
  ),
  toPlay(
    'a head that never ends',
    (target, { client }) => {
      client.send(toOpenHead(target))
      client.drip(() => 'a', EVERY_MS)
    },
    { isSlow: true },
  ),
  toPlay('a head that never starts', (_target, { client }) => client.drip(() => '\r\n', EVERY_MS), { isSlow: true }),
  toPlay('nothing at all', () => {}, { isSlow: true }),
]

const PIPELINED = 5

/** Several requests on one connection, sent at once. */
export const PIPELINES: readonly Attack[] = [
  toRawAttack('behind a refused one', (target) => Buffer.concat([toRefused(target), toRequestBytes(target.draft())]), {
    toOutcomes: (expected, toRefusal) => [toRefusal(), expected],
  }),
  toRawAttack('before a refused one', (target) => Buffer.concat([toRequestBytes(target.draft()), toRefused(target)]), {
    toOutcomes: (expected, toRefusal) => [expected, toRefusal()],
  }),
  toRawAttack('as the body of a refused one', (target) => {
    const inner = toRequestBytes(target.draft())
    return toRequestBytes({
      ...toUnknown(target),
      headers: [
        ['Host', 'evil.example'],
        ['Content-Length', String(inner.length)],
      ],
      body: inner,
    })
  }),
  toRawAttack('as chunks of a refused one', (target) => {
    const inner = toRequestBytes(target.draft())
    const head = toHeadBytes({ ...toUnknown(target), headers: [['Host', 'evil.example'], ...CHUNKED] })
    return Buffer.concat([head, Buffer.from(`${inner.length.toString(16)}\r\n`), inner, Buffer.from('\r\n0\r\n\r\n')])
  }),
  toRawAttack('five of them', (target) => Buffer.concat(Array(PIPELINED).fill(toRequestBytes(target.draft()))), {
    toOutcomes: (expected) => Array(PIPELINED).fill(expected),
  }),
  // The garbage may be found before the request is answered, or after.
  toPlay('more body than Content-Length says', (target, { client }) => {
    client.send(
      Buffer.concat([toRequestBytes(target.draft({ body: target.toBody() })), Buffer.from('garbage\r\n\r\n')]),
    )
  }),
]

/** The request of somebody unknown. */
function toUnknown({ draft }: Target) {
  return draft({ authentication: [] })
}

function toRefused(target: Target): Buffer {
  return toRequestBytes(toUnknown(target))
}

/** Names a request, so that the server tells of its arrival. */
function withId(id: string): readonly HeaderLine[] {
  return [['X-Attack-Id', id]]
}

/** Sends a part of a request, waits until its head is there, and breaks off. */
function breakOff(
  name: string,
  toSent: (target: Target, headers: readonly HeaderLine[]) => Buffer,
  how: 'reset' | 'end',
): Attack {
  return toPlay(name, async (target, { client, server }) => {
    const id = crypto.randomUUID()
    client.send(toSent(target, withId(id)))
    await server.arrived(id)
    client[how]()
  })
}

/** The head of a request, and half of its body. */
function toHalf(target: Target, headers: readonly HeaderLine[]): Buffer {
  const body = target.toBody()
  const whole = toRequestBytes(target.draft({ body, headers }))
  return whole.subarray(0, whole.length - Math.ceil(body.length / 2))
}

/** Connections that are broken off. */
export const BROKEN_CONNECTIONS: readonly Attack[] = [
  toPlay('in the head', (target, { client }) => {
    client.send(toOpenHead(target))
    client.end()
  }),
  toPlay('in the head, by RST', async (target, { client }) => {
    client.send(toOpenHead(target))
    client.reset()
  }),
  breakOff('in the body', toHalf, 'end'),
  breakOff('in the body, by RST', toHalf, 'reset'),
  breakOff(
    'before the body, by RST',
    (target, headers) => toHeadBytes(target.draft({ body: target.toBody(), headers })),
    'reset',
  ),
  breakOff('behind the request', (target, headers) => toRequestBytes(target.draft({ headers })), 'end'),
  breakOff('behind the request, by RST', (target, headers) => toRequestBytes(target.draft({ headers })), 'reset'),
]

import type { Attempt, Draw, Mutation } from './attempt.js'

const toBody =
  (change: (body: Buffer, draw: Draw) => Buffer): Mutation =>
  (attempt, draw) => ({
    ...attempt,
    body: change(attempt.body, draw),
  })

const concat = (...parts: (Uint8Array | string)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))

/** Changes of the body, with the header left as it is. */
export const BODY_MUTATIONS: Readonly<Record<string, Mutation>> = {
  'a bit of the body flipped': toBody((body, draw) => {
    const changed = Buffer.from(body)
    const index = draw.below(Math.max(1, body.length))
    if (index < changed.length) changed[index] = (changed[index] ?? 0) ^ (1 << draw.below(8))
    return changed
  }),
  'the body cut off': toBody((body, draw) => body.subarray(0, draw.below(body.length + 1))),
  'the start of the body cut off': toBody((body, draw) => body.subarray(draw.below(body.length + 1))),
  'no body': toBody(() => Buffer.alloc(0)),
  'a byte put in': toBody((body, draw) => {
    const index = draw.below(body.length + 1)
    return concat(body.subarray(0, index), draw.bytes(1), body.subarray(index))
  }),
  'two bytes swapped': toBody((body, draw) => {
    const changed = Buffer.from(body)
    const [left, right] = [draw.below(body.length + 1), draw.below(body.length + 1)]
    if (left < body.length && right < body.length) {
      changed[left] = body[right] ?? 0
      changed[right] = body[left] ?? 0
    }
    return changed
  }),
  'the body twice': toBody((body) => concat(body, body)),
  'another body behind it': toBody((body, draw) => concat(body, draw.pick(['{}', '{"data":null}', '\n{"data":{}}']))),
  'another body before it': toBody((body, draw) => concat(draw.pick(['{}', '{"data":null}\n', '[]']), body)),
  'the body as JSON, written again': toBody((body) => rewrite(body, (value) => JSON.stringify(value))),
  'the body as JSON, indented': toBody((body) => rewrite(body, (value) => JSON.stringify(value, null, 2))),
  'white space around the body': toBody((body, draw) => {
    const space = draw.pick([' ', '\n', '\r\n', '\t', '\u00a0', '\u2028'])
    return draw.below(2) === 0 ? concat(space, body) : concat(body, space)
  }),
  'a byte order mark before the body': toBody((body) => concat('\ufeff', body)),
  'a NUL around the body': toBody((body, draw) => (draw.below(2) === 0 ? concat('\0', body) : concat(body, '\0'))),
  'other ends of lines': toBody((body) => Buffer.from(body.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')),
  'the body decoded as Latin-1 and sent as UTF-8': toBody((body) => Buffer.from(body.toString('latin1'))),
  'random bytes for a body': toBody((body, draw) => draw.bytes(Math.min(body.length, 200))),
  'the padding of SHA-256 and more behind the body': (attempt, draw) => {
    const { time = '' } = attempt.sets[0] ?? {}
    const padding = toPadding(64 + time.length + 1 + attempt.body.length)
    return { ...attempt, body: concat(attempt.body, padding, draw.pick(['', 'x', '{"data":{}}'])) }
  },
  'digits moved from the time to the body': (attempt, draw) => {
    const { time = '' } = attempt.sets[0] ?? {}
    const index = draw.below(time.length + 1)
    return moveTime(attempt, time.slice(0, index), concat(`${time.slice(index)}.`, attempt.body))
  },
  'digits moved from the body to the time': (attempt, draw) => {
    const { time = '' } = attempt.sets[0] ?? {}
    const digits = /^[0-9.]*/.exec(attempt.body.toString('latin1'))?.[0] ?? ''
    const index = draw.below(digits.length + 1)
    const moved = `${draw.pick([time, `${time}.`])}${digits.slice(0, index)}`
    return moveTime(attempt, moved, attempt.body.subarray(index + draw.below(2)))
  },
}

function moveTime(attempt: Attempt, time: string, body: Buffer): Attempt {
  const sets = attempt.sets.map((set, index) => (index === 0 ? { ...set, time } : set))
  return { ...attempt, sets, body }
}

function rewrite(body: Buffer, write: (value: unknown) => string): Buffer {
  try {
    return Buffer.from(write(JSON.parse(body.toString())))
  } catch {
    return body
  }
}

/** What SHA-256 puts behind a message of that length: with it, a hash without a key could be gone on with. */
function toPadding(length: number): Buffer {
  const padding = Buffer.alloc(((55 - length) & 63) + 9)
  padding[0] = 0x80
  padding.writeBigUInt64BE(BigInt(length) * 8n, padding.length - 8)
  return padding
}

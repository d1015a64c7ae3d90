/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number
  /** Names in lower case, in the order in which they came. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** Returns the value of a header; several are joined by a comma, none is empty. */
export function readHeader({ headers }: Answer, name: string): string {
  return headers
    .filter(([other]) => other === name)
    .map(([, value]) => value)
    .join(', ')
}

/**
 * Reads all that a connection has received as answers, one after the other, to requests of these methods: the answer to
 * HEAD has no body. Interim answers (1xx) are left out.
 *
 * @throws Error for bytes that are no answer, or that are left over: then the two ends do not agree where a message ends.
 */
export function parseAnswers(text: string, methods: readonly string[] = []): Answer[] {
  const answers: Answer[] = []
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    const { answer, length } = parseAnswer(rest, methods[answers.length] ?? 'GET')
    if (answer.status >= 200) answers.push(answer)
    rest = rest.subarray(length)
  }
  return answers
}

function parseAnswer(bytes: Buffer, method: string): { answer: Answer; length: number } {
  const end = bytes.indexOf('\r\n\r\n')
  const head = bytes.subarray(0, end === -1 ? bytes.length : end).toString()
  const [statusLine = '', ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(statusLine)?.[1])
  if (end === -1 || Number.isNaN(status)) throw new Error(`no answer: ${JSON.stringify(head.slice(0, 200))}`)
  const headers = lines.map(toHeader)
  const start = end + 4
  const hasBody = method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304
  if (!hasBody) return { answer: { status, headers, body: '' }, length: start }
  const { body, length } = readBody(bytes.subarray(start), new Map(headers))
  return { answer: { status, headers, body }, length: start + length }
}

function toHeader(line: string): [string, string] {
  const [, name, value] = /^([\w-]+): ?(.*)$/.exec(line) ?? []
  if (name === undefined || value === undefined) throw new Error(`no header: ${JSON.stringify(line)}`)
  return [name.toLowerCase(), value]
}

function readBody(bytes: Buffer, headers: ReadonlyMap<string, string>): { body: string; length: number } {
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(bytes)
  const announced = headers.get('content-length')
  const length = announced === undefined ? bytes.length : Number(announced)
  if (bytes.length < length) throw new Error('an answer is cut off')
  return { body: bytes.subarray(0, length).toString(), length }
}

function readChunks(bytes: Buffer): { body: string; length: number } {
  let body = ''
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, end).toString(), 16)
    if (end === -1 || Number.isNaN(size)) throw new Error('an answer is cut off')
    const next = end + 2 + size
    body += bytes.subarray(end + 2, next).toString()
    at = next + 2
    if (size === 0) return { body, length: at }
  }
}

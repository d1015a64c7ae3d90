import { type Answer, readHeader } from './answers.js'
import type { Row } from './attack-rows.js'
import { APP_HEADER } from './attack-servers.js'

/** What may become of a request, as the table writes it. */
export interface Outcome {
  readonly meaning: string
  /** Whether the handler saw the request: then the audit trail tells that its caller was let in. */
  readonly isHandled: boolean
  /** Whether it takes effect: then one is sent that has none. */
  readonly isServed: boolean | 'perhaps'
  /** What may be on the wire, where that is not the word itself. */
  readonly wire?: readonly string[]
}

const HEARD_BY_NOBODY = ['end', 'ok', 'n400', 'ok,n400']

/** What the table's words mean. */
export const OUTCOMES: Readonly<Record<string, Outcome>> = {
  ok: served('answered as without the attack, to the byte'),
  less: served('the health of the service, as strangers are told of it: whether it works'),
  json: handled('400 invalid_json'),
  form: handled('400 invalid_request'),
  arg: handled('400 argument_invalid'),
  evt: handled('400 event_malformed'),
  408: handled('408 body_timeout'),
  413: handled('413 body_too_large'),
  big: handled('408 or 413: what comes first, the end of the time or of the room, is chance', ['408', '413']),
  415: handled('415 unsupported_media_type'),
  404: handled('404 case_not_found'),
  401: refused('401 unauthenticated, of the webhook signature_invalid'),
  403: refused('403 forbidden'),
  405: refused('405 method_not_allowed'),
  414: refused('414 url_too_long'),
  cred: refused('400 invalid_request, of a URL with a password: nobody is asked', ['form']),
  app: refused('none of the routes: the 404 of the app behind them'),
  n400: refused('the bare 400 of the HTTP server, which never hands the request on'),
  n408: refused('its bare 408'),
  n417: refused('its bare 417'),
  n431: refused('its bare 431'),
  end: refused('no answer: the connection is closed'),
  endh: handled('no answer: the route waits for the body, which never comes', ['end']),
  h400: handled('the bare 400 of the HTTP server, which has handed the head on before: the route waits for the body', [
    'n400',
  ]),
  h413: handled('its bare 413, in the same way', ['n413']),
  h431: handled('its bare 431, in the same way', ['n431']),
  s400: served('the bare 400 of the HTTP server, in the same way; the route takes no body, and is served', [
    'n400',
    'ok',
    'ok,n400',
  ]),
  s413: served('its bare 413, in the same way', ['n413', 'ok', 'ok,n413']),
  s431: served('its bare 431, in the same way', ['n431', 'ok', 'ok,n431']),
  'ok/e': served('as ok, or the connection is closed without an answer', ['ok', 'end']),
  lese: served('as less, or the connection is closed without an answer', ['less', 'end']),
  '401e': refused('as 401, or the connection is closed without an answer', ['401', 'end']),
  '413e': handled('as 413, or the connection is closed without an answer', ['413', 'end']),
  bige: handled('as big, or the connection is closed without an answer', ['408', '413', 'end']),
  lost: {
    ...served('nobody hears the answer, if there is one, and the request may be served', HEARD_BY_NOBODY),
    isServed: 'perhaps',
  },
  gone: served('nobody hears the answer, if there is one: the request is served', HEARD_BY_NOBODY),
}

function served(meaning: string, wire?: readonly string[]): Outcome {
  return { meaning, isHandled: true, isServed: true, ...(wire && { wire }) }
}

function handled(meaning: string, wire?: readonly string[]): Outcome {
  return { meaning, isHandled: true, isServed: false, ...(wire && { wire }) }
}

function refused(meaning: string, wire?: readonly string[]): Outcome {
  return { meaning, isHandled: false, isServed: false, ...(wire && { wire }) }
}

/** Whether what was on the wire is what these words stand for. */
export function fits(words: readonly string[], wire: readonly string[]): boolean {
  const [word = ''] = words
  const expected = words.length === 1 ? (OUTCOMES[word]?.wire ?? words) : [words.map(toFirstWire).join()]
  return expected.includes(wire.join())
}

function toFirstWire(word: string): string {
  return OUTCOMES[word]?.wire?.[0] ?? word
}

const WORDS: Readonly<Record<string, string>> = {
  invalid_json: 'json',
  invalid_request: 'form',
  argument_invalid: 'arg',
  event_malformed: 'evt',
  body_timeout: '408',
  body_too_large: '413',
  unsupported_media_type: '415',
  case_not_found: '404',
  unauthenticated: '401',
  signature_invalid: '401',
  forbidden: '403',
  method_not_allowed: '405',
  url_too_long: '414',
}

/** What the table calls this answer; null stands for none. What it has no word for is told as it is. */
export function toOutcome(
  answer: Answer | null,
  { row, reference }: { readonly row: Row; readonly reference: Answer },
): string {
  if (answer === null) return 'end'
  if (readHeader(answer, APP_HEADER) !== '') return 'app'
  if (isSame(answer, reference)) return 'ok'
  if (readHeader(answer, 'x-content-type-options') === '') {
    return answer.body === '' ? `n${answer.status}` : toText(answer)
  }
  if (row.name === 'hlth' && answer.body === '{"status":"ok"}') return 'less'
  return toWord(answer, row) ?? toText(answer)
}

function toWord(answer: Answer, { route }: Row): string | null {
  const { status, body } = answer
  // That to HEAD has no body: the header tells the same.
  if (body === '') return status === 405 && readHeader(answer, 'allow') !== '' ? '405' : null
  const code = /"code":"(\w+)"/.exec(body)?.[1] ?? ''
  const word = WORDS[code]
  if (word === undefined || !body.includes(`"status":${status},`)) return null
  const isOfRoute = word !== '401' || (code === 'signature_invalid') === (route.body === 'raw')
  return isOfRoute ? word : null
}

/** What differs from one answer to the next. */
const VARYING = ['date', 'connection', 'keep-alive']

/** Whether two answers are the same to the byte. That to HEAD lacks the body and its length. */
export function isSame(answer: Answer, other: Answer): boolean {
  if (answer.status !== other.status || (answer.body !== '' && answer.body !== other.body)) return false
  const isHead = answer.body === '' && other.body !== ''
  const varying = isHead ? [...VARYING, 'content-length'] : VARYING
  const toLines = ({ headers }: Answer) =>
    headers
      .filter(([name]) => !varying.includes(name))
      .map(String)
      .toSorted()
  return toLines(answer).join('\n') === toLines(other).join('\n')
}

function toText({ status, headers, body }: Answer): string {
  return `${status} ${JSON.stringify(headers)} ${body.slice(0, 300)}`
}

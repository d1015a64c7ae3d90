import type { Attack } from './attack.js'
import { EXPIRED_TOKENS, MISSING_TOKENS, OTHER_CASES, OTHER_SCOPES, WRONG_TOKENS } from './caller-attacks.js'
import { DUPLICATE_HEADERS } from './header-attacks.js'
import { DEEP_JSON, HUGE_NUMBERS, POLLUTIONS } from './json-attacks.js'
import { METHOD_OVERRIDES } from './method-attacks.js'
import { PATH_TRICKS } from './path-attacks.js'
import { BROKEN_CONNECTIONS, DRIPS, ENDLESS_STREAMS, PIPELINES } from './stream-attacks.js'
import { BYTE_ORDER_MARKS, INVALID_UTF8, LINE_ENDS, MEDIA_TYPES, NULL_BYTES, PROTOCOLS } from './text-attacks.js'

/** What is tried on every route. */
export const COLUMNS = {
  'no token': MISSING_TOKENS,
  'wrong token': WRONG_TOKENS,
  'expired token': EXPIRED_TOKENS,
  'other scope': OTHER_SCOPES,
  "other user's case": OTHER_CASES,
  'method override': METHOD_OVERRIDES,
  'duplicate headers': DUPLICATE_HEADERS,
  'encoded path tricks': PATH_TRICKS,
  'prototype-pollution keys': POLLUTIONS,
  'deep JSON': DEEP_JSON,
  'huge numbers': HUGE_NUMBERS,
  'invalid UTF-8': INVALID_UTF8,
  BOM: BYTE_ORDER_MARKS,
  'null bytes': NULL_BYTES,
  CRLF: LINE_ENDS,
  'chunked without end': ENDLESS_STREAMS,
  '1-byte drip': DRIPS,
  pipelined: PIPELINES,
  aborted: BROKEN_CONNECTIONS,
  'media types': MEDIA_TYPES,
  'other protocols': PROTOCOLS,
} as const satisfies Readonly<Record<string, readonly Attack[]>>

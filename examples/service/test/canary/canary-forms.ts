/** A text made ready to be searched. */
interface Haystack {
  readonly text: string
  /** In lower case: what is found there is found in any case. */
  readonly lower: string
  /** The same without white space, and without the indices of bytes that were written as an object. */
  readonly compact: string
}

/** How a value may be written: what to look for, and in which of the texts. */
type Form = (value: string) => readonly (readonly [where: keyof Haystack, needle: string])[]

const toLower = (text: string) => ['lower', text.toLowerCase()] as const
const toCompact = (text: string) => ['compact', text] as const

/** The forms in which a value is still the value. */
const FORMS = {
  plain: (value) => [toLower(value)],
  backwards: (value) => [toLower([...value].reverse().join(''))],
  'JSON text': (value) => [toLower(toInner(value)), toLower(toInner(toInner(value)))],
  'escaped ASCII': (value) => [toLower(escapeAscii(toInner(value)))],
  'URL text': (value) => [
    toLower(encodeURIComponent(value)),
    toLower(String(new URLSearchParams({ '': value })).slice(1)),
  ],
  'HTML text': (value) => [toLower(escapeHtml(value))],
  hex: (value) => [toCompact(Buffer.from(value).toString('hex'))],
  bytes: (value) => [toCompact([...Buffer.from(value)].join(','))],
  base64: (value) =>
    toAligned(value).flatMap(
      (text) =>
        [
          ['text', text],
          ['text', toUrlSafe(text)],
        ] as const,
    ),
} as const satisfies Readonly<Record<string, Form>>

/** The names of the forms. */
const FORM_NAMES = Object.keys(FORMS) as (keyof typeof FORMS)[]

const forms = new Map<string, ReturnType<typeof toForms>>()

function toForms(value: string) {
  return FORM_NAMES.map((name) => ({ name, needles: FORMS[name](value) }))
}

/** Returns a function that tells the first form in which a value is in the text; null where it is not. */
export function createFormFinder(text: string): (value: string) => string | null {
  const lower = text.toLowerCase()
  const compact = lower.replaceAll(/"?\b\d+"?:(?=\d)|\s+/g, '')
  const haystack: Haystack = { text, lower, compact }
  return (value) => {
    const known = forms.get(value) ?? toForms(value)
    forms.set(value, known)
    const isIn = ([where, needle]: readonly [keyof Haystack, string]) => haystack[where].includes(needle)
    return known.find(({ needles }) => needles.some(isIn))?.name ?? null
  }
}

/** The text as it stands in a JSON string. */
function toInner(value: string): string {
  return JSON.stringify(value).slice(1, -1)
}

function escapeAscii(text: string): string {
  return text.replaceAll(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** The base64 of the value as it stands within that of a longer text: it may begin at any of three bytes. */
function toAligned(value: string): string[] {
  const { length } = Buffer.from(value)
  return [0, 1, 2].map((offset) => {
    const base64 = Buffer.from('\0'.repeat(offset) + value).toString('base64')
    return base64.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + length) * 4) / 3))
  })
}

function toUrlSafe(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_')
}

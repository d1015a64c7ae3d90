/** Writes a demo's lines. */
export interface Printer {
  heading(text: string): void
  say(text: string): void
  request(method: string, path: string, body?: unknown): void
  answer(status: number, body: unknown): void
  webhook(line: WebhookLine): void
  /** Long values are cut short. */
  row(table: string, columns: Readonly<Record<string, unknown>>): void
  /** Values in full: hashes and addresses, for a reader who looks them up. */
  facts(title: string, values: Readonly<Record<string, unknown>>): void
}

/** What is shown of one delivery. */
export interface WebhookLine {
  readonly name: string
  readonly eventId: string
  readonly signature: string
  readonly status: number
  readonly outcome: string
}

const WIDTH = 78

/** Returns a printer; colours only where a terminal shows them. */
export function createPrinter(write: (line: string) => void, useColor: boolean): Printer {
  const paint = (code: number) => (text: string) => (useColor ? `\u001b[${code}m${text}\u001b[0m` : text)
  const [bold, dim, green, yellow, cyan] = [paint(1), paint(2), paint(32), paint(33), paint(36)]
  const writeTable = (title: string, values: Readonly<Record<string, unknown>>, toText: (value: unknown) => string) => {
    const width = Math.max(...Object.keys(values).map((name) => name.length))
    write(`  ${dim(title)}`)
    for (const [name, value] of Object.entries(values)) write(`    ${dim(name.padEnd(width))}  ${toText(value)}`)
  }

  return {
    heading: (text) => write(`\n${bold(text)} ${dim('─'.repeat(Math.max(0, WIDTH - text.length - 1)))}`),
    say: (text) => write(`\n${text}`),
    request: (method, path, body) => write(`  ${cyan('→')} ${bold(method)} ${path}${toLines(body)}`),
    answer: (status, body) =>
      write(`  ${status < 300 ? green('←') : yellow('←')} ${bold(String(status))}${toLines(body)}`),
    webhook({ name, eventId, signature, status, outcome }) {
      write(`  ${yellow('⇠')} ${bold(name)} ${dim(eventId)}`)
      write(`    ${dim(`Persona-Signature: ${signature.slice(0, 40)}…`)}  ${green(`${status} ${outcome}`)}`)
    },
    row: (table, columns) => writeTable(`row of ${table}`, columns, toCell),
    facts: (title, values) => writeTable(title, values, String),
  }
}

/** The members of a JSON object, as many on a line as fit. */
function toLines(body: unknown): string {
  const members = Object.entries(body ?? {}).map(([name, value]) => `${name}: ${toJson(value)}`)
  const lines: string[] = []
  for (const member of members) {
    const joined = [lines.at(-1), member].join('   ')
    if (lines.length > 0 && joined.length <= WIDTH) lines.splice(-1, 1, joined)
    else lines.push(member)
  }
  return lines.map((line) => `\n      ${line}`).join('')
}

function toJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === 'string' ? toShort(inner) : inner))
}

function toCell(value: unknown): string {
  if (value === null) return 'null'
  return value instanceof Date ? value.toISOString() : toShort(String(value))
}

/** Tokens and ciphertexts are long and say nothing to a reader. */
function toShort(text: string): string {
  return text.length > 44 ? `${text.slice(0, 28)}…` : text
}

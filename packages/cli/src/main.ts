import { defineCommand, renderUsage, runCommand } from 'citty'
import { checkWebhookCommand } from './check-webhook.js'
import { consumersCommand } from './consumers.js'
import { deadLettersCommand } from './dead-letters.js'
import { doctorCommand } from './doctor.js'
import { importCommand } from './import.js'
import { mendFeedCommand } from './mend-feed.js'
import { migrateCommand } from './migrate.js'
import { reconcileCommand } from './reconcile.js'
import { replayCommand } from './replay.js'
import { retainCommand } from './retain.js'
import { tokenCommand } from './token.js'
import { requireKnownFlags, toFailure, toRepeatable, UsageError } from './usage.js'

const COMMANDS = {
  migrate: migrateCommand,
  doctor: doctorCommand,
  reconcile: reconcileCommand,
  replay: replayCommand,
  import: importCommand,
  consumers: consumersCommand,
  'dead-letters': deadLettersCommand,
  'check-webhook': checkWebhookCommand,
  retain: retainCommand,
  'mend-feed': mendFeedCommand,
  token: tokenCommand,
} as const

const root = defineCommand({
  meta: { name: 'persona-kyc', description: 'Looks after a KYC engine and its database (DATABASE_URL)' },
  subCommands: COMMANDS,
})

async function main(rawArgs: readonly string[]): Promise<number> {
  const [name = '', ...rest] = rawArgs
  const isHelp = rawArgs.some((arg) => arg === '--help' || arg === '-h')
  if (!isCommand(name)) {
    const usage = await renderUsage(root)
    if (isHelp || name === '') {
      console.log(usage)
      return isHelp ? 0 : 2
    }
    throw new UsageError(`There is no command "${toRepeatable(name)}".\n\n${usage}`)
  }
  const command = COMMANDS[name]
  if (isHelp) {
    console.log(await renderUsage(command as never, root as never))
    return 0
  }
  requireKnownFlags(command as never, rest)
  const { result } = await runCommand(command as never, { rawArgs: [...rest] })
  return typeof result === 'number' ? result : 0
}

function isCommand(name: string): name is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, name)
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    const { message, code } = toFailure(error)
    console.error(message)
    process.exitCode = code
  },
)

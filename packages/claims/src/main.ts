import { defineCommand, renderUsage, runCommand } from 'citty'
import { DEPLOY_ARGS, deployCommand } from './deploy-command.js'
import { requireKnownFlags, toFailure, UsageError } from './usage.js'

const root = defineCommand({
  meta: { name: 'persona-kyc-claims', description: 'Puts on chain what issuing claims needs' },
  subCommands: { deploy: deployCommand },
})

async function main([name = '', ...rest]: readonly string[]): Promise<number> {
  const isHelp = [name, ...rest].some((arg) => arg === '--help' || arg === '-h')
  if (name !== 'deploy') {
    const usage = await renderUsage(root)
    process[isHelp ? 'stdout' : 'stderr'].write(`${usage}\n`)
    if (name === '' || isHelp) return isHelp ? 0 : 2
    throw new UsageError('There is no such command.')
  }
  if (isHelp) {
    process.stdout.write(`${await renderUsage(deployCommand)}\n`)
    return 0
  }
  requireKnownFlags(DEPLOY_ARGS, rest)
  const { result } = await runCommand(deployCommand, { rawArgs: [...rest] })
  return typeof result === 'number' ? result : 0
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    const { message, code } = toFailure(error)
    process.stderr.write(`${message}\n`)
    process.exitCode = code
  },
)

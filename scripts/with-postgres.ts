import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { startPostgres } from '../packages/testing/src/postgres.js'

// Runs a command with TEST_DATABASE_URL set to a PostgreSQL of its own: npx tsx scripts/with-postgres.ts npm test
const [command, ...args] = process.argv.slice(2)
if (command === undefined) throw new Error('Give the command to run.')

const postgres = await startPostgres()
try {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, TEST_DATABASE_URL: postgres.url } })
  const [code] = await once(child, 'close')
  process.exitCode = code ?? 1
} finally {
  await postgres.stop()
}

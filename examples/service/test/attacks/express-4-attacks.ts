import type { COLUMNS } from './attack-columns.js'
import { describeAttacks } from './describe-attacks.js'

/** What a framework can have a say in. The rest is the same code as behind Express 5. */
const OF_THE_FRAMEWORK: readonly (keyof typeof COLUMNS)[] = [
  'no token',
  'method override',
  'duplicate headers',
  'encoded path tricks',
  'chunked without end',
  '1-byte drip',
  'pipelined',
  'aborted',
  'other protocols',
]

// The project attacks-express-4 runs this: what it imports as express is Express 4.
describeAttacks('express', OF_THE_FRAMEWORK)

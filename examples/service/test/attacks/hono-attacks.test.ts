import { describeAttacks } from './describe-attacks.js'

describeAttacks('hono')

import { describeAttacks } from './describe-attacks.js'

describeAttacks('express')

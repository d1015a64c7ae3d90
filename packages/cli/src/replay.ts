import { defineCommand } from 'citty'
import { DATABASE_ARGS, POLICY_ARGS, withLocalEngine } from './environment.js'
import { createInterruption } from './interruption.js'
import { createProgress } from './progress.js'
import { toTransitionLine } from './reconcile.js'

export const replayCommand = defineCommand({
  meta: { name: 'replay', description: 'Applies the stored events again, by the present status policy' },
  args: { ...POLICY_ARGS, ...DATABASE_ARGS },
  async run({ args }) {
    const progress = createProgress()
    const signal = createInterruption()
    const { casesChecked, eventsMatched, transitions } = await withLocalEngine(args, (engine) =>
      engine
        .replayEvents({ signal, onProgress: ({ done, total }) => progress.show('cases', done, total) })
        .finally(() => progress.stop()),
    )
    for (const transition of transitions) console.log(toTransitionLine(transition))
    console.log(`${casesChecked} cases checked, ${eventsMatched} events matched, ${transitions.length} cases moved`)
    return signal.aborted ? 1 : 0
  },
})

import { describe, expect, it } from 'vitest'
import { ADAPTERS } from './canary-adapters.js'
import { withWorld } from './canary-world.js'
import { LOG_LINE_SCENES } from './log-line-scenes.js'
import { LEVELS } from './log-recorder.js'
import { listLogLines, listMethods } from './source-lists.js'

const LINES = [...new Set(listLogLines('core').map(({ level, message }) => `${level} ${message}`))].sort()
const [adapter] = ADAPTERS

describe('what is logged', () => {
  it.each(LOG_LINE_SCENES.map((scene) => [scene.name, scene] as const))('holds no canary when %s', async (_, scene) => {
    if (adapter === undefined) throw new Error('There is no adapter.')
    await withWorld(adapter, scene.options?.() ?? {}, async (world) => {
      await scene.play(world)
      const logged = world.log.entries.map(({ level, message }) => `${level} ${message}`)
      expect(scene.lines.filter((line) => !logged.some((text) => text.startsWith(line)))).toEqual([])
      expect(logged.filter((text) => !LINES.some((line) => text.startsWith(line)))).toEqual([])
      expect(await world.findLeaks()).toEqual([])
    })
  })

  it('is all of it here: each line of the sources, at each level', () => {
    expect([...new Set(LOG_LINE_SCENES.flatMap(({ lines }) => lines))].sort()).toEqual(LINES)
    expect(listMethods('logger.ts', 'Logger').filter((level) => !LEVELS.some((known) => known === level))).toEqual([])
  })
})

import type { Command, History } from './history.js'
import { LEASE_MS } from './process.js'
import {
  createWorld,
  decide,
  end,
  forget,
  intrude,
  live,
  mend,
  mine,
  type Place,
  reorganise,
  run,
  setFunds,
  type World,
} from './world.js'

/** Plays a history, mends everything, and lets it come to rest. */
export async function play(history: History, place: Place): Promise<World> {
  const world = await createWorld(place, history)
  live(world, 0)
  live(world, 1)
  for (const command of history.commands) {
    place.log.push(`> ${JSON.stringify(command)}`)
    await perform(world, command)
  }
  place.log.push('> mend')
  await mend(world)
  end(world)
  return world
}

async function perform(world: World, command: Command): Promise<void> {
  const { chain, scheduler } = world
  switch (command.kind) {
    case 'decide':
      return decide(world, command.index, command.isVerified)
    case 'crash': {
      live(world, command.process).turnsLeft = command.afterTurns
      return
    }
    case 'pause': {
      live(world, command.process).pausedUntil = scheduler.now() + LEASE_MS * 2
      return
    }
    case 'mine':
      return mine(world, command.blocks)
    case 'reorg':
      return reorganise(world, command.depth)
    case 'forget':
      return forget(world)
    case 'intrude':
      return intrude(world, command.ahead)
    case 'spike':
      return chain.test.setNextBlockBaseFeePerGas({ baseFeePerGas: 40_000_000_000n })
    case 'fund':
      return command.isFunded ? setFunds(world) : setFunds(world, 1n)
    case 'identity': {
      world.isKnown[command.index] = command.isKnown
      return
    }
    case 'tick':
      return scheduler.advance(command.ms)
    case 'run':
      return run(world, command)
  }
}

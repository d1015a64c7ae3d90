import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { hasCode } from './system-error.js'

/** When the process began, in its platform's own digits; undefined when it is gone. With the pid it names one process for good. */
export function startTimeOf(pid: number): string | undefined {
  if (!isInUse(pid)) return undefined
  return existsSync('/proc/self/stat') ? startTimeFromProc(pid) : startTimeFromPs(pid)
}

/** True when some process has this pid, zombies included. */
export function isInUse(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return !hasCode(error, 'ESRCH')
  }
  return true
}

/** What {@link commandOf} has between a command and its arguments. */
export function commandSeparator(): string {
  return existsSync('/proc/self/cmdline') ? '\0' : ' '
}

/** The command line of a process; undefined where it cannot be read. */
export function commandOf(pid: number): string | undefined {
  try {
    if (existsSync('/proc/self/cmdline')) return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return undefined
  }
}

function startTimeFromProc(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended; in a container without an init nobody may ever collect it.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function startTimeFromPs(pid: number): string | undefined {
  try {
    const env = { ...process.env, LC_ALL: 'C' }
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', env }).trim()
    return text === '' || text.startsWith('Z') ? undefined : String(Date.parse(text.replace(/^\S+\s+/, '')) / 1000)
  } catch (error) {
    return hasCode(error, 'ENOENT') ? '0' : undefined
  }
}

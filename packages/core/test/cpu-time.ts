/** How long the processor works on that, in milliseconds: what else the machine does meanwhile does not count. */
export function toCpuMs(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

// Loaded into a server before its program: on SIGUSR2 its clock goes half a minute ahead.
let aheadMs = 0
const now = Date.now
Date.now = () => now() + aheadMs
process.on('SIGUSR2', () => {
  aheadMs += 30_000
  process.stdout.write(`clock ahead by ${aheadMs} ms\n`)
})

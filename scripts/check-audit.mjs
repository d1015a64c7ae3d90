import { spawnSync } from 'node:child_process'

// Fails when something that the packages install at run time has a known vulnerability of severity high or critical. A
// registry without the endpoint of advisories, such as a mirror that only serves packages, is no finding: nobody can tell.

const NOT_SERVED = new Set([404, 405, 501])

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--audit-level=high', '--json'], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
})
const report = readReport(stdout)

if (NOT_SERVED.has(report.statusCode)) {
  console.log(
    `skipped, nothing was checked: the registry answers ${report.statusCode} to ${report.method} ${report.uri}`,
  )
} else if (report.metadata?.vulnerabilities === undefined) {
  console.error(`npm audit failed: ${report.message ?? report.error?.summary ?? stdout}`)
  process.exitCode = 1
} else {
  const { high, critical, total } = report.metadata.vulnerabilities
  for (const { name, severity, range } of Object.values(report.vulnerabilities))
    console.log(`${severity}: ${name} ${range}`)
  console.log(`${total} known vulnerabilities, ${high + critical} of them high or critical`)
  if (high + critical > 0) process.exitCode = 1
}

function readReport(text) {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

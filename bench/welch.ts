/** What two samples come to, below one threshold. */
export interface WelchResult {
  /** Which part of the measurements is looked at: those below this quantile of all that were made before. 1 for all. */
  readonly quantile: number
  /** Welch's t: from 4.5 on, the two take different times. */
  readonly t: number
  /** Mean of the left minus mean of the right, in nanoseconds. */
  readonly differenceNs: number
  /** The standard deviation of the left, in nanoseconds. */
  readonly deviationNs: number
  /** How many of both are looked at. */
  readonly count: number
}

/** What to leave out of measurements: everything from the threshold on, in milliseconds. */
export interface Crop {
  readonly quantile: number
  readonly thresholdMs: number
}

/** Returns the thresholds that these measurements have at the quantiles. */
export function toCrops(measuredMs: Float64Array, quantiles: readonly number[]): readonly Crop[] {
  const sorted = measuredMs.slice().sort()
  return quantiles.map((quantile) => ({
    quantile,
    thresholdMs:
      quantile === 1 ? Number.POSITIVE_INFINITY : (sorted[Math.floor(quantile * sorted.length)] ?? Number.NaN),
  }))
}

/** Compares the means of two samples, whose variances may differ, below the threshold (Welch, Biometrika 34, 1947). */
export function compare(leftMs: Float64Array, rightMs: Float64Array, { quantile, thresholdMs }: Crop): WelchResult {
  const left = toMoments(leftMs, thresholdMs)
  const right = toMoments(rightMs, thresholdMs)
  const difference = left.mean - right.mean
  return {
    quantile,
    t: difference / Math.sqrt(left.variance / left.count + right.variance / right.count),
    differenceNs: difference * 1e6,
    deviationNs: Math.sqrt(left.variance) * 1e6,
    count: left.count + right.count,
  }
}

/** Mean and variance in one pass (Welford, Technometrics 4, 1962). */
function toMoments(sample: Float64Array, threshold: number): { count: number; mean: number; variance: number } {
  let count = 0
  let mean = 0
  let squares = 0
  for (const value of sample) {
    if (value >= threshold) continue
    count += 1
    const delta = value - mean
    mean += delta / count
    squares += delta * (value - mean)
  }
  return { count, mean, variance: squares / (count - 1) }
}

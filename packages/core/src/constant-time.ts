/** True for equal bytes, in a time that does not tell where they differ. */
export function isEqualInConstantTime(left: Uint8Array, right: Uint8Array): boolean {
  return toEqualityBit(left, right) === 1
}

/** 1 for equal bytes and 0 for others, in a time that tells neither which of both it is nor where they differ. */
export function toEqualityBit(left: Uint8Array, right: Uint8Array): number {
  let difference = left.length ^ right.length
  for (let index = 0; index < left.length; index++) difference |= (left[index] ?? 0) ^ (right[index] ?? 0)
  // Only of 0 is the sign bit set when 1 is taken away.
  return (difference - 1) >>> 31
}

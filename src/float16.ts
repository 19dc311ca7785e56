/** The largest finite float16. */
const MOST = 65504;

/**
 * The numbers rounded to float16, to the nearest, ties to even. If a finite number is beyond float16, it throws the error
 * that `refused` makes of the message. The message begins with `name`.
 */
export function toFloat16(
  name: string,
  values: ArrayLike<number>,
  refused: (message: string) => Error,
): Float16Array<ArrayBuffer> {
  const halves = new Float16Array(values);
  for (let i = 0; i < halves.length; i++) {
    if (Number.isFinite(values[i]) && !Number.isFinite(halves[i])) {
      throw refused(`${name}: ${values[i]} is beyond float16 (at most ${MOST}); use float32 instead`);
    }
  }
  return halves;
}

/**
 * Cleans up when the user presses Ctrl-C.
 *
 * @module
 */

import { leave } from "./confine.ts";

/** Exit code of a shell for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** Until the result is disposed of, Ctrl-C calls `clean`, then ends the program with exit code 130. */
export function onInterrupt(clean: () => void): Disposable {
  const listener = () => {
    clean();
    leave(INTERRUPTED);
  };
  Deno.addSignalListener("SIGINT", listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGINT", listener) };
}

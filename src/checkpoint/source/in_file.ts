import { CheckpointError } from "../../errors.ts";

/** Runs `work`. If it throws a CheckpointError, adds the file's name to the message. */
export function inFile<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CheckpointError) throw new CheckpointError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

import { CheckpointError } from "../../errors.ts";

/** Runs `work`; a CheckpointError that it throws names the file. */
export function inFile<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CheckpointError) throw new CheckpointError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

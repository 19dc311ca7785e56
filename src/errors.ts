/**
 * The errors this project throws on purpose. Each message names the thing, what was expected, what was found and, if
 * there is one, the next thing to try. Command lines print the message alone and exit 1.
 *
 * @module
 */

/** A checkpoint that cannot be read, or whose tensors do not fit the model. */
export class CheckpointError extends Error {
  /** Always "CheckpointError". */
  override name = "CheckpointError";
}

/** An operator or a layer was given a tensor whose shape it cannot take. */
export class ShapeError extends Error {
  /** Always "ShapeError". */
  override name = "ShapeError";
}

/** An argument that a function or a layer does not take: PyTorch's ValueError. */
export class ArgumentError extends Error {
  /** Always "ArgumentError". */
  override name = "ArgumentError";
}

/** An image, a data set or a report that cannot be read. */
export class DataError extends Error {
  /** Always "DataError". */
  override name = "DataError";
}

/**
 * Why a device failed, if a program can do something about it. "too large": the work does not fit, but a smaller batch
 * may. "lost": the device went away, but it may be opened again.
 */
export type DeviceErrorReason = "too large" | "lost";

/** A device that is missing, lost, out of memory or not able to run the graph. */
export class DeviceError extends Error {
  /** Always "DeviceError". */
  override name = "DeviceError";
  /** Undefined if a program can do nothing about it. */
  readonly reason?: DeviceErrorReason;

  /** With the reason, if a program can do something about it. */
  constructor(message: string, options: ErrorOptions & { readonly reason?: DeviceErrorReason } = {}) {
    super(message, options);
    this.reason = options.reason;
  }
}

/** True for a DeviceError of that reason. */
export function isDeviceError(error: unknown, reason: DeviceErrorReason): error is DeviceError {
  return error instanceof DeviceError && error.reason === reason;
}

/** A training run that cannot start, continue or be resumed. */
export class TrainingError extends Error {
  /** Always "TrainingError". */
  override name = "TrainingError";
}

/** Every error class of this project. A command line reports them in one line. */
export type OdconvError =
  | ArgumentError
  | CheckpointError
  | DataError
  | DeviceError
  | ShapeError
  | TrainingError;

const CLASSES = [ArgumentError, CheckpointError, DataError, DeviceError, ShapeError, TrainingError];

/** True for the errors of this module; false for bugs, which deserve their stack. */
export function isOdconvError(error: unknown): error is OdconvError {
  return CLASSES.some((kind) => error instanceof kind);
}

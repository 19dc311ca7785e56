/**
 * Recovery from a lost device. The device is opened again, and work that changes nothing is repeated. Work that changes
 * something (a training step) fails instead. Its caller must return to a safe state.
 *
 * @module
 */

import { DeviceError, isDeviceError } from "../../errors.ts";
import type { Connection } from "./connection.ts";

/** Milliseconds to wait before each attempt to open a device again. Drivers need a moment to restart. */
const WAITS = [0, 250, 1000] as const;

/** Most repetitions of one piece of work. */
const MOST_REPEATS = 3;

/** The current device and the function that opens the next one. */
export class Recovery {
  readonly #open: () => Promise<Connection | null>;
  readonly #notice: ((line: string) => void) | undefined;
  #connection: Connection;
  #opening: Promise<void> | undefined;

  /** `notice` is called with one line of text each time the device was opened again. */
  constructor(connection: Connection, open: () => Promise<Connection | null>, notice?: (line: string) => void) {
    this.#connection = connection;
    this.#open = open;
    this.#notice = notice;
  }

  /** The current device. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Opens the device again after a loss. Concurrent calls share one attempt. Throws DeviceError if that fails. */
  reopen(loss: DeviceError): Promise<void> {
    return this.#opening ??= this.#reopen(loss).finally(() => this.#opening = undefined);
  }

  async #reopen(loss: DeviceError): Promise<void> {
    try {
      this.#connection.check();
      // Another caller has already opened the device again.
      return;
    } catch (error) {
      if (!isDeviceError(error, "lost")) throw error;
    }
    const next = await this.#another(loss);
    const { description, capabilities } = this.#connection;
    // Plans were made for the old device. On another device, the same work would round differently or not run.
    if (next.description !== description || JSON.stringify(next.capabilities) !== JSON.stringify(capabilities)) {
      next.device.destroy();
      throw new DeviceError(`${loss.message}; what came back is another device (${next.description}): start again`);
    }
    this.#connection = next;
    this.#notice?.(`${loss.message}; it was opened again, and the work goes on`);
  }

  async #another(loss: DeviceError): Promise<Connection> {
    let refusal = "there is no adapter any more";
    for (const wait of WAITS) {
      if (wait) await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        const connection = await this.#open();
        if (connection) return connection;
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        refusal = error.message;
      }
    }
    throw new DeviceError(`${loss.message}; it could not be opened again: ${refusal}`);
  }
}

/** Does the work. If the device is lost meanwhile, opens it again and repeats the work. Calls `work` synchronously. */
export async function redoWhenLost<T>(recovery: Recovery, work: () => Promise<T>): Promise<T> {
  for (let left = MOST_REPEATS;; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0 || !isDeviceError(error, "lost")) throw error;
      await recovery.reopen(error);
    }
  }
}

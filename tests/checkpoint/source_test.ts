import { assertEquals, assertThrows } from "@std/assert";
import { pathOf } from "../../src/checkpoint/source/source.ts";
import { CheckpointError } from "../../src/errors.ts";

Deno.test("`pathOf()` takes paths as they are and file URLs for what they name", () => {
  assertEquals(["a b.pth", "/x%20y", "file:///x%20y/z.pth", "file:///C:/x.pth"].map(pathOf), [
    "a b.pth",
    "/x%20y",
    "/x y/z.pth",
    "C:/x.pth",
  ]);
  for (const url of ["file:%zz", "file://host/x", "file:///x%00y", "file://[x"]) {
    assertThrows(() => pathOf(url), CheckpointError, `${url}: not the URL of a file on this machine`);
  }
});

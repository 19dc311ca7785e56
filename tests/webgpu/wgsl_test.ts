import { assertEquals } from "@std/assert";
import { wgsl } from "../../src/webgpu/kernels/wgsl/wgsl.ts";

Deno.test("wgsl`` makes lines of a list that stands alone, however deep, and keeps their indentation", () => {
  const text = wgsl`
    {
      ${[0, 1].map((r) => [`var a${r} = vec4f();`, [`a${r} += x(${r}u);`]])}
    }`;
  assertEquals(text, "{\n  var a0 = vec4f();\n  a0 += x(0u);\n  var a1 = vec4f();\n  a1 += x(1u);\n}");
});

Deno.test("wgsl`` writes the pieces of a list within a line one after the other", () => {
  assertEquals(wgsl`{ ${["a;", ["b;"], false]} }`, "{ a; b; }");
});

Deno.test("wgsl`` writes no line of what is left out, and none of blanks", () => {
  const absent: string | undefined = undefined;
  assertEquals(
    wgsl`
    a;
    ${absent && "b;"}
    ${[]}

    ${""}
    let n = ${0}u;`,
    "a;\nlet n = 0u;",
  );
});

Deno.test("wgsl`` indents templates within templates", () => {
  const inner = wgsl`
            if (there) {
              b;
            }`;
  assertEquals(
    wgsl`
    for (;;) {
      ${inner}
    }`,
    "for (;;) {\n  if (there) {\n    b;\n  }\n}",
  );
});

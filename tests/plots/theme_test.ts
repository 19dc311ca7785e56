import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as theme from "../../src/plots/theme.ts";

Deno.test("the theme's colours are those of the page", async () => {
  const css = await Deno.readTextFile(new URL("../../web/page.css", import.meta.url));
  for (const { light, dark } of [theme.PANEL, theme.TEXT, theme.SOFT, theme.LINE, ...theme.SERIES]) {
    assertStringIncludes(css.replaceAll("#fff,", "#ffffff,"), `light-dark(${light}, ${dark})`);
  }
});

Deno.test("`contrast()` is 21 of black and white, 1 of equals, and 4.54 of the grey that WCAG's examples use", () => {
  assertEquals(theme.contrast("#000000", "#ffffff"), 21);
  assertEquals(theme.contrast("#123456", "#123456"), 1);
  assertEquals(theme.contrast("#767676", "#ffffff").toFixed(2), "4.54");
});

Deno.test("`step()` ends where its ramp ends, and `textOn()` can be read on each of its colours", () => {
  assertEquals(theme.step(theme.AMOUNT, -1), theme.step(theme.AMOUNT, 0));
  assertEquals(theme.step(theme.AMOUNT, 2).light, "#0c3254");
  for (const ramp of [theme.AMOUNT, theme.DIFFERENCE]) {
    for (let t = 0; t <= 1; t += 1 / 32) {
      const color = theme.step(ramp, t), text = theme.textOn(color);
      for (const scheme of ["light", "dark"] as const) {
        const ratio = theme.contrast(color[scheme], text[scheme]);
        assert(ratio >= 4, `${text[scheme]} on ${color[scheme]}: ${ratio}`);
      }
    }
  }
});

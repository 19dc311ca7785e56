/** Draws the time of each stage as strips. */

import { element } from "./dom.ts";
import type { Time } from "./network.ts";

/** Shows each strip with its legend. The longest strip has the full width. */
export function showProfile(root: HTMLElement, strips: readonly { title: string; times: readonly Time[] }[]): void {
  const total = (times: readonly Time[]) => times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  root.replaceChildren(...strips.map(({ title, times }) => {
    const all = total(times);
    const share = (milliseconds: number) => all ? 100 * milliseconds / all : 0;
    return element(
      "figure",
      { class: "strip" },
      element("figcaption", {}, title, element("b", {}, ` ${all.toFixed(1)} ms`)),
      element(
        "div",
        { class: "bar", "aria-hidden": "true" },
        ...times.map(({ milliseconds }, i) =>
          element("span", { class: `part-${i % 6}`, style: `width: ${share(milliseconds)}%` })
        ),
      ),
      element(
        "ul",
        {},
        ...times.map(({ what, milliseconds }, i) =>
          element("li", { class: `part-${i % 6}` }, `${what} `, element("b", {}, `${milliseconds.toFixed(1)} ms`))
        ),
      ),
    );
  }));
}

/** The report's style: the page's, without the rules that only the page needs. */

import { type Color, FONT, LINE, PANEL, SOFT, TEXT } from "../../src/plots/theme.ts";

const scheme = ({ light, dark }: Color): string => `light-dark(${light}, ${dark})`;

/** The style sheet. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f3f6f8, #0f161d);
  --accent: light-dark(#0d6b78, #5fd3c4);
  --panel: ${scheme(PANEL)};
  --line: ${scheme(LINE)};
  --text: ${scheme(TEXT)};
  --soft: ${scheme(SOFT)};
  font: 16px/1.5 ${FONT};
  background: var(--page);
  color: var(--text);
}
* { box-sizing: border-box; }
body { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1, h2, p, figure { margin: 0; }
h1 { font-size: 2rem; letter-spacing: -0.03em; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin-bottom: 0.5rem; }
header p, small, figcaption { color: var(--soft); }
section, .panel { background: var(--panel); border: 1px solid var(--line); border-radius: 0.75rem; padding: 1rem; }
section { margin-top: 1rem; }
p + p, .scroll { margin-top: 0.5rem; }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem; margin-top: 1rem; }
.answer { display: grid; gap: 0.75rem; align-content: start; }
figcaption { overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; }
.pixels { display: block; width: 100%; min-width: 6rem; border-radius: 3px; image-rendering: pixelated; }
.photo { max-width: 14rem; }
.scroll { overflow-x: auto; }
.scroll svg { max-width: none; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
summary { cursor: pointer; padding: 0.35rem 0; }
summary b { font-family: ui-monospace, monospace; }
details + details { border-top: 1px solid var(--line); }
table { border-collapse: collapse; font-size: 0.85rem; width: 100%; }
th, td { text-align: left; padding: 0.25rem 0.6rem 0.25rem 0; border-top: 1px solid var(--line); vertical-align: middle; }
thead > tr > * { border-top: 0; color: var(--soft); font-weight: 600; }
tbody th { font-weight: 600; }
th small { display: block; font-weight: normal; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.attentions { table-layout: fixed; min-width: 36rem; }
.attentions td { padding-right: 1rem; }
.attentions td svg { display: block; max-width: 100%; }
.attentions .pixels { max-width: 20rem; }
footer { margin-top: 1rem; color: var(--soft); font-size: 0.85rem; }
`;

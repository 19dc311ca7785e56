/**
 * Describes a model's inference settings as text.
 *
 * @module
 */

import type { InferenceConfig } from "../../src/models/config/inference_config.ts";
import { printable } from "./printable.ts";

/** "64x64, the middle after the shorter side was resized to 73 (bilinear)". */
export function describeImages({ imageSize, resize, interpolation }: InferenceConfig): string {
  return `${imageSize}x${imageSize}, the middle after the shorter side was resized to ${resize} (${interpolation})`;
}

/** "red, green, ... (10)", or a text that says that the names are unknown. */
export function describeClasses({ classNames }: InferenceConfig): string {
  if (!classNames) return "not known: they are numbers (deno task convert takes --class-names FILE)";
  const some = classNames.slice(0, 3).map((name) => name.length > 40 ? `${name.slice(0, 40)}...` : name);
  return printable(`${some.join("; ")}${classNames.length > some.length ? "; ..." : ""} (${classNames.length})`);
}

/** Returns all settings as rows of a name and a text. */
export function inferenceRows(inference: InferenceConfig): readonly (readonly [name: string, text: string])[] {
  const { mean, std, temperature, source } = inference;
  return [
    ["images", describeImages(inference)],
    ["normalised", `mean ${mean.join(", ")}; std ${std.join(", ")}`],
    ["temperature", String(temperature)],
    ["class names", describeClasses(inference)],
    ["said by", printable(source)],
  ];
}

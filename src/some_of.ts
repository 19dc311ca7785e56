/**
 * Lists of names in messages.
 *
 * @module
 */

import { excerpt } from "./excerpt.ts";

/** Names that are listed before "and N more". */
const MOST = 5;

/** The first of them in quotes, and how many more there are: `"a", "b" and 7 more`. */
export function someOf(names: readonly string[]): string {
  const first = names.slice(0, MOST).map(excerpt).join(", ");
  return names.length > MOST ? `${first} and ${names.length - MOST} more` : first;
}

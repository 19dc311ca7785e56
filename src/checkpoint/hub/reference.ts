/**
 * Parses and formats references to files on the Hugging Face hub: "hf:OWNER/REPO[@REVISION][/FILE]".
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";

/** A file on the hub. Without `file`, the repository's checkpoint. */
export interface HubReference {
  /** "owner/name". */
  readonly repo: string;
  /** A branch, tag or commit. If left out, the main branch. */
  readonly revision?: string;
  /** Path in the repository. */
  readonly file?: string;
}

/** Parses a reference. A slash in REVISION is written as %2F. Throws CheckpointError. */
export function parseHubReference(text: string): HubReference {
  const match = /^hf:([\w.-]+\/[\w.-]+)(?:@([\w.%-]+))?(?:\/(.+))?$/.exec(text);
  // The parts become folders of the cache, also on Windows.
  const leaves = text.slice(3).split(/[/\\]/).some((part) => part === ".." || /^[a-z]:/i.test(part));
  if (!match || leaves || match[3]?.startsWith("/") || text.includes("\\")) {
    throw new CheckpointError(`${text}: expected hf:OWNER/REPO, hf:OWNER/REPO/FILE or hf:OWNER/REPO@REVISION/FILE`);
  }
  const [, repo, revision, file] = match;
  return { repo, revision: revision?.replaceAll(/%2f/gi, "/"), file };
}

/** Writes a reference in the form that parseHubReference reads. */
export function formatHubReference({ repo, revision, file }: HubReference): string {
  return `hf:${repo}${revision ? `@${revision.replaceAll("/", "%2F")}` : ""}${file ? `/${file}` : ""}`;
}

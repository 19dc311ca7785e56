/**
 * Least power: a command lets go of what a run does not need before it opens a stranger's file.
 *
 * @module
 */

/** Gives permissions up for good, for this whole program and its workers; nothing is asked. */
export function giveUp(...names: Deno.PermissionName[]): void {
  for (const name of names) Deno.permissions.revokeSync({ name } as Deno.PermissionDescriptor);
}

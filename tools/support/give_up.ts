/**
 * Least privilege: a command drops permissions that it does not need before it opens an untrusted file.
 *
 * @module
 */

/** Revokes permissions for the whole program and its workers. This is permanent, and the user is not asked. */
export function giveUp(...names: Deno.PermissionName[]): void {
  for (const name of names) Deno.permissions.revokeSync({ name } as Deno.PermissionDescriptor);
}

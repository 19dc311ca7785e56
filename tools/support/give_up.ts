/**
 * Least privilege: a command drops permissions that it does not need before it opens an untrusted file.
 *
 * @module
 */

/** Revokes permissions for the whole program and its workers. They cannot be granted again. The user is not asked. */
export function giveUp(...names: Deno.PermissionName[]): void {
  for (const name of names) Deno.permissions.revokeSync({ name } as Deno.PermissionDescriptor);
}

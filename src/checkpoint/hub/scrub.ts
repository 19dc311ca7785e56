/**
 * Removes passwords, queries and fragments from the URLs in a text, because they may contain signatures and tokens.
 */
export function scrub(text: string): string {
  return text.replace(/\b(https?:\/\/)(?:[^\s/@]*@)?([^\s?#)"']*)[^\s)"']*/gi, "$1$2");
}

/** The text with passwords, queries and fragments of the URLs in it left out: signatures and tokens lie in those. */
export function scrub(text: string): string {
  return text.replace(/\b(https?:\/\/)(?:[^\s/@]*@)?([^\s?#)"']*)[^\s)"']*/gi, "$1$2");
}

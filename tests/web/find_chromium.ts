/** Finds Chromium where Linux distributions install it. The environment variable CHROMIUM names another path. */
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path of Chromium. Throws where there is none. */
export async function findChromium(): Promise<string> {
  const named = Deno.env.get("CHROMIUM");
  const places = named ? [named] : PLACES;
  for (const path of places) {
    const info = await Deno.stat(path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    if (info?.isFile) return path;
  }
  throw new Error(`no ${places.join(" or ")}: install Chromium (Debian: apt-get install chromium) or set CHROMIUM`);
}

/**
 * Explains a folder that was given as a checkpoint, and suggests a file to give instead.
 *
 * @module
 */

/** Maximum number of the folder's files in the message. */
const MAX_SHOWN = 8;

/**
 * Returns why a folder is not a checkpoint, and what to do. It may be an unpacked archive, a distributed checkpoint, or
 * a folder of files.
 */
export async function explainFolder(path: string): Promise<string> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(path)) names.push(name);
  const folder = path.replace(/[\\/]+$/, "");
  const last = folder.replace(/^.*[\\/]/, "");
  const name = /^\.{0,2}$/.test(last) ? "NAME" : last;
  if (names.includes("data.pkl")) {
    return "a checkpoint's archive that was unpacked. Pack it again, without compression, from the folder above it: " +
      `\`zip -0 -r ${name}.pth ${name}\``;
  }
  if (names.some((file) => file.endsWith(".distcp"))) {
    return "a distributed checkpoint. With PyTorch, make one file of it: " +
      `\`python -m torch.distributed.checkpoint.format_utils dcp_to_torch ${folder} ${name}.pth\``;
  }
  if (names.includes("saved_model.pb")) {
    return "a TensorFlow SavedModel; only PyTorch's and safetensors' formats are read";
  }
  // The index is listed in place of its shards.
  const shown = names.filter((file) =>
    /\.(pth|pt|tar|bin|ckpt|safetensors|index\.json)$/i.test(file) && !/-\d{5}-of-\d{5}\./.test(file)
  ).sort();
  if (!shown.length) return "a folder, not a file; there is no checkpoint in it";
  const more = shown.length > MAX_SHOWN ? ", ..." : "";
  return `a folder, not a file; name one of its checkpoints: ${shown.slice(0, MAX_SHOWN).join(", ")}${more}`;
}

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CheckpointError } from "../../src/errors.ts";
import { UsageError } from "../../tools/support/command.ts";
import { findWeights } from "../../tools/support/weights.ts";

async function withWeights(names: string[], body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir() + "/";
  try {
    for (const name of names) await Deno.writeTextFile(folder + name, "");
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("`findWeights()` takes a name for its file, for the one file that adds to it, and a path for itself", async () => {
  await withWeights(["a.safetensors", "a_x.safetensors", "b_cifar10.safetensors", "b_notes.md"], async (folder) => {
    assertEquals(await findWeights("a", [folder]), `${folder}a.safetensors`);
    assertEquals(await findWeights("b", [folder]), `${folder}b_cifar10.safetensors`);
    assertEquals(await findWeights("b", [`${folder}none/`, folder]), `${folder}b_cifar10.safetensors`);
    assertEquals(await findWeights("b_cifar10", [folder]), `${folder}b_cifar10.safetensors`);
    assertEquals(await findWeights(`${folder}b_notes.md`, []), `${folder}b_notes.md`);
  });
});

Deno.test("`findWeights()` throws when nothing is there or several could be meant, listing what is", async () => {
  await withWeights(["c_1.safetensors", "c_2.safetensors"], async (folder) => {
    await assertRejects(() => findWeights("c", [folder]), CheckpointError, "c could be any of c_1, c_2");
    await assertRejects(() => findWeights("d", [folder]), CheckpointError, "weights/ has c_1, c_2");
    await assertRejects(() => findWeights(`${folder}d.pth`, [folder]), CheckpointError, "d.pth: there is no such file");
    await assertRejects(() => findWeights("od_resnet50_4x", [folder]), CheckpointError, 'convert od_resnet50_4x" says');
    for (const unpublished of ["d", "resnet20"]) {
      const { message } = await assertRejects(() => findWeights(unpublished, [folder]), CheckpointError);
      assertStringIncludes(message, "there are published weights of resnet18, od_resnet18");
      assert(!message.includes("deno task convert"), message);
    }
    await assertRejects(() => findWeights("d.safetensors", [folder]), CheckpointError, "there is no such file");
  });
});

Deno.test("`findWeights()` takes a file in the current folder for itself whatever it is called", async () => {
  await withWeights(["model.ckpt", "plain"], async (folder) => {
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      for (const name of ["model.ckpt", "plain"]) assertEquals(await findWeights(name, []), name);
    } finally {
      Deno.chdir(before);
    }
  });
});

Deno.test("`findWeights()` throws when it is told nothing, or something that is not a file here", async () => {
  await assertRejects(() => findWeights(undefined), UsageError, "--weights is needed");
  await assertRejects(() => findWeights("hf:a/b"), UsageError, "deno task convert hf:a/b");
});

/**
 * A web server that says what is in the image that is posted to it.
 *
 *     deno run --allow-read --allow-net=127.0.0.1 examples/server.ts weights/od_resnet20_cifar10.safetensors 8000
 *     curl --data-binary @frog.png http://localhost:8000
 */

import { classify, DataError, loadModel, openDevice } from "../mod.ts";

/** Bytes of an upload. */
const LARGEST = 10e6;

const [weights, port] = Deno.args;
const model = await loadModel(weights);
const network = await model.compile(await openDevice("auto"));

Deno.serve({ hostname: "127.0.0.1", port: Number(port) }, async (request) => {
  if (request.method !== "POST") return new Response("POST an image here\n", { status: 405 });
  if (!(Number(request.headers.get("content-length") ?? Infinity) <= LARGEST)) {
    return new Response("at most 10 MB, with a content-length\n", { status: 413 });
  }
  try {
    return Response.json(await classify(network, await request.bytes(), { name: "the upload" }));
  } catch (error) {
    // Uploads are hostile. The message of a DataError is meant for whoever sent one.
    if (error instanceof DataError) return new Response(`${error.message}\n`, { status: 400 });
    throw error;
  }
});

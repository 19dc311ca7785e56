/**
 * Where files say how their model is used (src/models/config/inference_config.ts): the key of safetensors' metadata, and of the
 * dict that a training script saves. The value is a text of JSON.
 */
export const INFERENCE_KEY = "inference_config";

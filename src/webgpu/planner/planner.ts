/**
 * Plans the steps of a run from a graph, without a device: which kernels run on which resources, and the copies between
 * them. Every operator's planning function (./kernels) gets a {@link PlanContext} and adds its dispatches to it.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { Graph, Node, Shape, Value } from "../../graph/graph.ts";
import { variantsOf } from "../kernels/convolution/choice/variants.ts";
import { packInput, unpackOutput } from "../kernels/layout/borders.ts";
import { gather, gatherTable } from "../kernels/layout/gather.ts";
import { KERNELS } from "../kernels/mod.ts";
import { emitFormulas, isComputedAgain } from "../kernels/wgsl/formula.ts";
import type { Formula } from "../plan/formula.ts";
import type { Dispatch, Resource } from "../plan/kernel.ts";
import { blocked, packBlocks } from "../plan/layout.ts";
import { checkDispatch, checkResources, checkWhole, type Held } from "../plan/limits.ts";
import type {
  Border,
  Capabilities,
  Constant,
  Kernel,
  Plan,
  PlanContext,
  Precision,
  Step,
  Upload,
} from "../plan/plan.ts";
import type { ChooseVariant, Variant } from "../plan/variant.ts";
import { placeUpdates } from "./updates.ts";
import { ValueStates } from "./value_state.ts";

/** The name of the layout of computed values. */
const BLOCKS = "blocks";

/**
 * Plans a graph. `choose` picks a variant for each node that has several. Without it, the best guess is used. Throws
 * DeviceError if a tensor exceeds what the device can bind; the message says which batch would fit. Throws DeviceError
 * if an operator has no kernel.
 */
export function planGraph(
  graph: Graph,
  capabilities: Capabilities,
  choose: ChooseVariant = (_, variants) => variants[0],
): Plan {
  return new Planner(graph, capabilities, choose).plan();
}

/** Texels of a row-major tensor. */
function plainTexels(shape: Shape): number {
  return Math.ceil(shape.reduce((n, d) => n * d, 1) / 4);
}

/** Most steps of a plan. A training step of 256 images takes 12,000 with od_resnet101 and 4 kernels. */
const MOST_STEPS = 2 ** 16;

class Planner implements PlanContext {
  readonly #steps: Step[] = [];
  readonly #resources: Resource[] = [];
  readonly #held = new Map<Resource, Held>();
  readonly #textures = new Map<Resource, Resource>();
  readonly #packed = new Map<Value, Map<string, Upload>>();
  readonly #constants: Constant[] = [];
  #node = "";
  #of: Node | undefined;
  readonly #graph: Graph;
  readonly #states: ValueStates;

  constructor(graph: Graph, readonly capabilities: Capabilities, readonly choose: ChooseVariant) {
    this.#graph = graph;
    this.#states = new ValueStates(graph);
  }

  plan(): Plan {
    const graph = this.#graph;
    const inputs = new Map<string, Border>();
    const outputs = new Map<string, Border>();
    for (const [name, value] of graph.inputs) {
      this.#node = name;
      const resource = this.#resource(name, "buffer", plainTexels(value.shape), "kept", { of: value.shape });
      inputs.set(name, { value, resource });
      this.emit(packInput(value.shape, resource, this.#write(value)));
    }
    for (const node of graph.nodes) {
      this.#node = node.name;
      this.#of = node;
      const kernel: Kernel | undefined = KERNELS[node.op.name as keyof typeof KERNELS];
      if (!kernel) throw new DeviceError(`${node.name}: WebGPU has no kernel for the operator "${node.op.name}"`);
      if (!this.isPlanned(node.output)) kernel(node, this);
      this.#of = undefined;
      for (const [name, value] of graph.outputs) if (value === node.output) this.#answer(name, value, outputs);
    }
    for (const [name, value] of graph.outputs) if (!outputs.has(name)) this.#answer(name, value, outputs);
    const steps = this.#update(graph);
    const uploads = new Map([...this.#packed].map(([value, packings]) => [value, [...packings.values()]]));
    const plan = {
      steps,
      resources: this.#resources,
      uploads,
      constants: this.#constants,
      inputs,
      outputs,
      parameters: graph.parameters,
      updated: new Map([...graph.updates.keys()].map((parameter) => [parameter, this.read(parameter)])),
    };
    checkResources(this.#resources, this.#held, this.capabilities);
    checkWhole(plan, this.capabilities);
    return plan;
  }

  /** Returns the steps so far, with the copies for the graph's updates inserted. */
  #update(graph: Graph): Step[] {
    const targets = new Set([...graph.updates.keys()].map((parameter) => this.read(parameter)));
    const saved: Step[] = [];
    const updates = [...graph.updates].flatMap(([{ name, shape }, value]) => {
      const to = this.read(graph.parameters.get(name)!);
      let from = this.read(value);
      if (from === to) return [];
      if (targets.has(from)) {
        const old = this.scratch(`${name} before`, blocked(shape).texels);
        saved.push({ kind: "copy", node: name, from, to: old });
        from = old;
      }
      return [{ name, from, to }];
    });
    return placeUpdates([...saved, ...this.#steps], updates);
  }

  read(value: Value): Resource {
    this.#settle(value);
    const { buffer } = this.#states.of(value);
    if (buffer) return buffer;
    return this.packed(value, BLOCKS, blocked(value.shape).texels, (data, out) => packBlocks(value.shape, data, out));
  }

  operand(value: Value): Resource {
    return this.operandOf(this.read(value));
  }

  operandOf(resource: Resource): Resource {
    const { operands, maxTextureTexels } = this.capabilities;
    if (operands === "buffer" || resource.form === "texture" || resource.texels > maxTextureTexels) return resource;
    let texture = this.#textures.get(resource);
    if (!texture) {
      texture = this.#resource(resource.label, "texture", resource.texels, resource.life);
      this.#textures.set(resource, texture);
      this.#steps.push({ kind: "copy", node: this.#node, of: this.#of, from: resource, to: texture });
    }
    return texture;
  }

  packed(value: Value, layout: string, texels: number, pack: Upload["pack"], asked: Precision = "float32"): Resource {
    const inBuffer = this.#states.of(value).isCopied;
    const precision = asked === "float16" && this.isConstant(value) ? asked : undefined;
    const key = precision ? `${layout} ${precision}` : layout;
    if (value.source.kind !== "parameter" || (inBuffer && key !== BLOCKS)) {
      return this.#packedOnDevice(value, key, texels, pack);
    }
    const packings = this.#packed.get(value) ?? new Map<string, Upload>();
    this.#packed.set(value, packings);
    const known = packings.get(key);
    if (known) return known.resource;
    const { operands, maxTextureTexels } = this.capabilities;
    const texture = operands === "texture" && texels <= maxTextureTexels && !inBuffer;
    const holds = { precision, of: "a parameter" } as const;
    const resource = this.#resource(value.name, texture ? "texture" : "buffer", texels, "kept", holds);
    packings.set(key, { resource, pack });
    return resource;
  }

  #packedOnDevice(value: Value, key: string, texels: number, pack: Upload["pack"]): Resource {
    const { laidOut } = this.#states.of(value);
    let packed = laidOut.get(key);
    if (!packed) {
      packed = this.scratch(`${value.name} ${key}`, texels);
      gather(value.name, this.read(value), gatherTable(value, texels, pack), packed, this);
      laidOut.set(key, packed);
    }
    return this.operandOf(packed);
  }

  isConstant(value: Value): boolean {
    return value.source.kind === "parameter" && !this.#states.of(value).isCopied;
  }

  isPlanned(value: Value): boolean {
    const { buffer, without } = this.#states.of(value);
    return buffer !== undefined || without !== undefined || value.source.kind === "parameter";
  }

  variant(node: Node): Variant {
    return this.choose(node, variantsOf(node, this.capabilities));
  }

  get nodes(): readonly Node[] {
    return this.#graph.nodes;
  }

  users(value: Value): readonly Node[] {
    return this.#states.of(value).users;
  }

  isAnswer(value: Value): boolean {
    return this.#states.of(value).isAnswer;
  }

  output(node: Node, over?: Value): Resource {
    const state = this.#states.of(node.output);
    if (!over || state.replaces !== over || this.#states.of(over).isAliased) return this.#write(node.output);
    const hasRead = (user: Node) => user === node || user === this.#of || this.isPlanned(user.output);
    if (!this.users(over).every(hasRead)) return this.#write(node.output);
    // Deferred users would read the parameter after it is overwritten. So those still needed are computed now.
    for (const { output } of this.users(over)) if (this.#isWaited(output)) this.#settle(output);
    state.buffer = this.read(over);
    this.#states.of(over).isOverwritten = true;
    return state.buffer;
  }

  /** Whether a value was deferred and a later node still needs it. */
  #isWaited(value: Value): boolean {
    return this.#states.of(value).without === "deferred" ||
      this.users(value).some(({ output }) => !this.isPlanned(output));
  }

  constant(label: string, data: Float32Array<ArrayBuffer>): Resource {
    const resource = this.#resource(label, "buffer", Math.ceil(data.length / 4), "kept", { of: "a parameter" });
    this.#constants.push({ resource, data });
    return resource;
  }

  scratch(label: string, texels: number): Resource {
    return this.#resource(label, "buffer", texels, "transient");
  }

  defer(node: Node, formula: Formula): boolean {
    const state = this.#states.of(node.output);
    const { users, isAnswer } = state;
    state.formula = formula;
    if (isAnswer || users.length === 0) return false;
    if (users.length > 1 && !isComputedAgain(formula, users, this)) return false;
    state.without = "deferred";
    return true;
  }

  deferred(value: Value): Formula | undefined {
    const { buffer, without, formula } = this.#states.of(value);
    return !buffer && without ? formula : undefined;
  }

  formula(value: Value): Formula | undefined {
    const { formula } = this.#states.of(value);
    if (!formula || formula.over) return undefined;
    const operands = [formula.texels, formula.planes, formula.channels, formula.numbers].flatMap((values) =>
      Object.values(values ?? {})
    );
    return operands.some((operand) => operand && this.#states.of(operand).isOverwritten) ? undefined : formula;
  }

  take(value: Value): void {
    this.#states.of(value).without = "taken";
  }

  /** Computes a deferred value. */
  #settle(value: Value): void {
    const formula = this.deferred(value);
    if (!formula || value.source.kind !== "node") return;
    this.#states.of(value).without = undefined;
    const [name, of] = [this.#node, this.#of];
    [this.#node, this.#of] = [value.name, value.source.node];
    emitFormulas([{ node: value.source.node, formula }], this);
    [this.#node, this.#of] = [name, of];
  }

  emit(dispatch: Dispatch): void {
    // A texture is a copy of its buffer, and this write makes the copy stale.
    dispatch.writes.forEach((resource) => this.#textures.delete(resource));
    if (this.#steps.length >= MOST_STEPS) {
      throw new DeviceError(
        `${this.#node}: the graph takes more than ${MOST_STEPS} dispatches; a smaller batch takes fewer`,
        { reason: "too large" },
      );
    }
    checkDispatch(this.#node, dispatch, this.capabilities);
    this.#steps.push({ kind: "dispatch", node: this.#node, of: this.#of, dispatch });
  }

  alias(node: Node, value: Value): void {
    this.#states.of(value).isAliased = true;
    this.#states.of(node.output).buffer = this.read(value);
  }

  #write(value: Value): Resource {
    const resource = this.#resource(value.name, "buffer", blocked(value.shape).texels, "transient", {
      of: value.shape,
    });
    this.#states.of(value).buffer = resource;
    return resource;
  }

  #answer(name: string, value: Value, outputs: Map<string, Border>): void {
    const resource = this.#resource(name, "buffer", plainTexels(value.shape), "kept", { of: value.shape });
    outputs.set(name, { value, resource });
    this.emit(unpackOutput(value.shape, this.read(value), resource));
  }

  #resource(
    label: string,
    form: Resource["form"],
    texels: number,
    life: Resource["life"],
    { precision, of }: { readonly precision?: Resource["precision"]; readonly of?: Held } = {},
  ): Resource {
    const resource: Resource = { id: this.#resources.length, label, form, texels, life, precision };
    if (of) this.#held.set(resource, of);
    this.#resources.push(resource);
    return resource;
  }
}

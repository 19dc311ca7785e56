/** Resizes images with weighted sums along columns and rows. The weights are in tables. */

import type { AttributesOf, Node, OperandsOf, Value } from "../../../graph/graph.ts";
import {
  type AxisTable,
  gradientTables,
  type interpolate as interpolateOperator,
  type interpolateGrad as interpolateGradOperator,
  interpolationTables,
} from "../../../graph/ops/interpolate.ts";
import { dispatch } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";

/** Resizes an image. */
export const interpolate: Kernel = (node, context) => {
  const { x } = node.operands as OperandsOf<typeof interpolateOperator>;
  const attributes = node.attributes as AttributesOf<typeof interpolateOperator>;
  resize(node, x, interpolationTables([x.shape[2], x.shape[3]], attributes), context);
};

/** The gradient to the image. */
export const interpolateGrad: Kernel = (node, context) => {
  const { gradient } = node.operands as OperandsOf<typeof interpolateGradOperator>;
  const attributes = node.attributes as AttributesOf<typeof interpolateGradOperator>;
  resize(node, gradient, gradientTables(attributes.inputSize, attributes), context);
};

/** An invocation computes four channels of a pixel. */
function resize(node: Node, x: Value, [rows, columns]: [AxisTable, AxisTable], context: PlanContext): void {
  const { height, width } = blocked(x.shape);
  const output = blocked(node.output.shape);
  const constant = (name: string, { data }: PackedTable) => context.constant(`${node.name} ${name}`, data);
  const [packedRows, packedColumns] = [packed(rows), packed(columns)];
  context.emit(dispatch({
    label: node.op.name,
    reads: {
      x: context.read(x),
      rows: constant("rows", packedRows),
      columns: constant("columns", packedColumns),
    },
    writes: { y: context.output(node) },
    plain: ["rows", "columns"],
    uniforms: {
      height,
      width,
      out_height: output.height,
      out_width: output.width,
      row_entry: packedRows.entry,
      column_entry: packedColumns.entry,
    },
    invocations: output.texels,
    body: `
  let row = id / u.out_width % u.out_height * u.row_entry;
  let column = id % u.out_width * u.column_entry;
  let plane = id / (u.out_width * u.out_height);
  let first_row = u32(rows(row));
  let first_column = u32(columns(column));
  var sum = vec4f();
  for (var r = 0u; r < u32(rows(row + 1u)); r++) {
    let start = (plane * u.height + first_row + r) * u.width + first_column;
    var run = vec4f();
    for (var c = 0u; c < u32(columns(column + 1u)); c++) { run += columns(column + 2u + c) * x(start + c); }
    sum += rows(row + 2u + r) * run;
  }
  y[id] = sum;`,
  }));
}

/** A table as numbers. For each place: the first index that it reads, how many it reads, and their weights. */
interface PackedTable {
  readonly data: Float32Array<ArrayBuffer>;
  /** The number of table entries per place. */
  readonly entry: number;
}

function packed(table: AxisTable): PackedTable {
  const entry = 2 + table.reduce((most, { weights }) => Math.max(most, weights.length), 0);
  const data = new Float32Array(Math.ceil(table.length * entry / 4) * 4);
  table.forEach(({ first, weights }, i) => data.set([first, weights.length, ...weights], i * entry));
  return { data, entry };
}

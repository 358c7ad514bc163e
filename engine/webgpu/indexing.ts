/** From the index of an invocation to the places of its elements: merged axes, and the WGSL of coordinates. */

/** An index space with the strides of the tensors that move through it. */
export interface Space {
  readonly shape: readonly number[];
  /** By tensor, by axis. */
  readonly strides: readonly (readonly number[])[];
}

/** The same space with as few axes as possible: axes of extent 1 dropped, neighbours merged that all tensors cross alike. */
export function mergeAxes(space: Space): Space {
  const shape: number[] = [], strides: number[][] = space.strides.map(() => []);
  for (let axis = 0; axis < space.shape.length; axis++) {
    const extent = space.shape[axis];
    if (extent === 1) continue;
    const last = shape.length - 1;
    const joins = last >= 0 &&
      space.strides.every((stride, tensor) => strides[tensor][last] === stride[axis] * extent);
    if (joins) shape[last] *= extent;
    else shape.push(extent);
    space.strides.forEach((stride, tensor) => {
      if (joins) strides[tensor][last] = stride[axis];
      else strides[tensor].push(stride[axis]);
    });
  }
  return { shape, strides };
}

/** WGSL that splits the row-major `index` into coordinates `<prefix>0`, `<prefix>1`, ... of `shape`. */
export function coordinates(
  index: string,
  shape: readonly number[],
  prefix: string,
): { readonly lines: string[]; readonly names: string[] } {
  const lines: string[] = [], names = shape.map((_, axis) => `${prefix}${axis}`);
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    lines.push(`let ${names[axis]} = ${axis === 0 ? rest : `(${rest}) % ${Math.max(1, shape[axis])}u`};`);
    if (axis > 0) {
      lines.push(`let ${prefix}rest${axis} = (${rest}) / ${Math.max(1, shape[axis])}u;`);
      rest = `${prefix}rest${axis}`;
    }
  }
  return { lines, names };
}

/** The WGSL sum of coordinates times strides, in wrapping unsigned arithmetic (so strides may be negative). */
export function offsetOf(names: readonly string[], strides: readonly number[], start = 0): string {
  let text = start === 0 ? "" : `${start}u`;
  names.forEach((name, axis) => {
    const stride = strides[axis];
    if (stride === 0) return;
    const term = Math.abs(stride) === 1 ? name : `${name} * ${Math.abs(stride)}u`;
    text = stride > 0 ? (text === "" ? term : `${text} + ${term}`) : `${text === "" ? "0u" : text} - ${term}`;
  });
  return text === "" ? "0u" : `(${text})`;
}

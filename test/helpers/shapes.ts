/** The shapes of results as docs/json.md writes them: `{target: Target, saved: File | null, names: [], users: [{id, email | null}]}`. */

interface Shape {
  /** Of an object: its members. Of an array: the shape of its elements. Else anything but those, or with `any` those too. */
  members?: Map<string, Shape>;
  elements?: Shape;
  any?: boolean;
  nullable?: boolean;
}

export type Shapes = ReadonlyMap<string, Shape>;

/** Reads shapes that have names: `File = {file, written}`, one after another. */
export function parseNamed(text: string): Shapes {
  const named = new Map<string, Shape>([['Any', {any: true}]]);
  const parts = text.split(/^(?=[A-Z]\w* = )/m).filter((part) => part.trim() !== '');
  for (const part of parts) {
    const [, name, shape] = /^(\w+) = ([^]*)$/.exec(part)!;
    named.set(name!, parseShape(shape!, named));
  }

  return named;
}

export function parseShape(text: string, named: Shapes): Shape {
  const tokens = text.match(/\w+|[{}[\],:|]/g) ?? [];
  let at = 0;
  const next = (expected?: string): string => {
    const token = tokens[at++];
    if (token === undefined || (expected !== undefined && token !== expected))
      throw new Error(`${expected ?? 'more'} was expected at ${tokens.slice(0, at).join(' ')}`);
    return token;
  };
  const orNull = (shape: Shape): Shape => {
    if (tokens[at] !== '|') return shape;
    next('|');
    next('null');
    return {...shape, nullable: true};
  };
  const object = (): Shape => {
    const members = new Map<string, Shape>();
    next('{');
    while (tokens[at] !== '}') {
      if (members.size > 0) next(',');
      const name = next();
      if (tokens[at] === ':') {
        next(':');
        members.set(name, value());
      } else members.set(name, orNull({}));
    }
    next('}');
    return {members};
  };
  const value = (): Shape => {
    if (tokens[at] === '{') return orNull(object());
    if (tokens[at] === '[') {
      next('[');
      const elements = tokens[at] === ']' ? {} : value();
      next(']');
      return orNull({elements});
    }

    const name = next();
    const shape = named.get(name);
    if (shape === undefined) throw new Error(`There is no shape ${name}.`);
    return orNull(shape);
  };
  const shape = value();
  if (at < tokens.length) throw new Error(`${tokens.slice(at).join(' ')} is too much.`);
  return shape;
}

/** What of a value is not as the shape says, each with where it is; empty if all is. */
export function differences(value: unknown, shape: Shape, where = 'result'): string[] {
  if (shape.any === true) return [];
  if (value === null) return shape.nullable === true ? [] : [`${where} is null`];
  if (Array.isArray(value)) {
    const {elements} = shape;
    if (elements === undefined) return [`${where} is an array`];
    return value.flatMap((element, index) => differences(element, elements, `${where}[${index}]`));
  }

  if (typeof value === 'object') {
    const {members} = shape;
    if (members === undefined) return [`${where} is an object`];
    const names = new Set([...Object.keys(value), ...members.keys()]);
    return [...names].flatMap((name) => {
      const member = members.get(name);
      if (member === undefined) return [`${where}.${name} is not in the page`];
      if (!(name in value)) return [`${where}.${name} is not in the result`];
      return differences((value as Record<string, unknown>)[name], member, `${where}.${name}`);
    });
  }

  return shape.members === undefined && shape.elements === undefined ? [] : [`${where} is ${typeof value}`];
}

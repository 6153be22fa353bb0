import {parseTableName, qualified, tableName} from '../../../src/features/protect/tables.js';

test.each([
  ['orders', 'public', 'orders', '"public"."orders"'],
  ['sales.orders', 'sales', 'orders', '"sales"."orders"'],
  ['Sales.Order Items', 'Sales', 'Order Items', '"Sales"."Order Items"'],
  ['a.b.c', 'a', 'b.c', '"a"."b.c"'],
  ['"a.b".c', 'a.b', 'c', '"a.b"."c"'],
  ['public."we""ird"', 'public', 'we"ird', '"public"."we""ird"'],
  ['"a b"."c.d"', 'a b', 'c.d', '"a b"."c.d"'],
  ['"x"', 'public', 'x', '"public"."x"'],
])('%j is schema %j, table %j', (text, schema, table, sql) => {
  expect(parseTableName(text)).toEqual({schema, table});
  expect(qualified({schema, table})).toBe(sql);
  // What is shown can be typed.
  expect(parseTableName(tableName({schema, table}))).toEqual({schema, table});
});

test.each(['', '.', 'a.', '.b', 'we"ird', '"a', '"".b', '"a"b', 'a."b" c'])('%j is no name', (text) => {
  expect(() => parseTableName(text)).toThrow(expect.objectContaining({code: 'USAGE'}));
});

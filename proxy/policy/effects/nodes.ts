/**
 * The node types of raw parse trees that may stand in an expression or a FROM clause and need nothing special, with every field
 * they may have. What is not here, and not handled by name, is unknown. From PostgreSQL 18's parsenodes.h and primnodes.h.
 */
export interface NodeShape {
  /** Fields without anything to walk. */
  readonly plain: ReadonlySet<string>;
  /** Fields that hold a node or a list of nodes. */
  readonly nodes: ReadonlySet<string>;
  /** Fields that hold a bare structure (no tag around it): field → type. */
  readonly structs: ReadonlyMap<string, string>;
}

function shape(plain: string, nodes = '', structs = ''): NodeShape {
  const split = (s: string) => s.split(' ').filter(w => w !== '');
  return {
    plain: new Set([...split(plain), 'location']),
    nodes: new Set(split(nodes)),
    structs: new Map(split(structs).map(s => s.split(':') as [string, string])),
  };
}

export const SHAPES: ReadonlyMap<string, NodeShape> = new Map([
  ['A_Const', shape('ival fval boolval sval bsval isnull')],
  ['ParamRef', shape('number')],
  ['SetToDefault', shape('')],
  ['SQLValueFunction', shape('op typmod')],
  ['MergeSupportFunc', shape('msftype msfcollid')],
  ['A_Star', shape('')],
  ['String', shape('sval')],
  ['Integer', shape('ival')],
  ['Float', shape('fval')],
  ['Boolean', shape('boolval')],
  ['BitString', shape('bsval')],
  ['List', shape('', 'items')],
  ['BoolExpr', shape('boolop', 'args')],
  ['NullTest', shape('nulltesttype argisrow', 'arg')],
  ['BooleanTest', shape('booltesttype', 'arg')],
  ['CaseWhen', shape('', 'expr result')],
  ['CoalesceExpr', shape('', 'args')],
  ['MinMaxExpr', shape('op', 'args')],
  ['RowExpr', shape('row_format', 'args colnames')],
  ['A_ArrayExpr', shape('list_start list_end', 'elements')],
  ['A_Indices', shape('is_slice', 'lidx uidx')],
  ['CollateClause', shape('collname', 'arg')],
  ['NamedArgExpr', shape('name argnumber', 'arg')],
  ['GroupingFunc', shape('', 'args')],
  ['GroupingSet', shape('kind', 'content')],
  ['MultiAssignRef', shape('colno ncolumns', 'source')],
  ['ResTarget', shape('name', 'indirection val')],
  ['WindowDef', shape('name refname frameOptions', 'partitionClause orderClause startOffset endOffset')],
  ['XmlExpr', shape('op name xmloption indent', 'named_args arg_names args')],
  ['XmlSerialize', shape('xmloption indent', 'expr', 'typeName:TypeName')],
  ['JsonFormat', shape('format_type encoding')],
  ['JsonReturning', shape('typid typmod', '', 'format:JsonFormat')],
  ['JsonOutput', shape('', '', 'typeName:TypeName returning:JsonReturning')],
  ['JsonValueExpr', shape('', 'raw_expr formatted_expr', 'format:JsonFormat')],
  ['JsonIsPredicate', shape('item_type unique_keys', 'expr', 'format:JsonFormat')],
  ['JsonBehavior', shape('btype coerce', 'expr')],
  ['JsonArgument', shape('name', '', 'val:JsonValueExpr')],
  ['JsonKeyValue', shape('', 'key', 'value:JsonValueExpr')],
  [
    'JsonFuncExpr',
    shape(
      'op column_name wrapper quotes',
      'pathspec passing',
      'context_item:JsonValueExpr output:JsonOutput on_empty:JsonBehavior on_error:JsonBehavior',
    ),
  ],
  ['JsonParseExpr', shape('unique_keys', '', 'expr:JsonValueExpr output:JsonOutput')],
  ['JsonScalarExpr', shape('', 'expr', 'output:JsonOutput')],
  ['JsonSerializeExpr', shape('', '', 'expr:JsonValueExpr output:JsonOutput')],
  ['JsonObjectConstructor', shape('absent_on_null unique', 'exprs', 'output:JsonOutput')],
  ['JsonArrayConstructor', shape('absent_on_null', 'exprs', 'output:JsonOutput')],
  ['JsonArrayQueryConstructor', shape('absent_on_null', 'query', 'output:JsonOutput format:JsonFormat')],
  ['JsonAggConstructor', shape('', 'agg_filter agg_order', 'output:JsonOutput over:WindowDef')],
  ['JsonObjectAgg', shape('absent_on_null unique', '', 'constructor:JsonAggConstructor arg:JsonKeyValue')],
  ['JsonArrayAgg', shape('absent_on_null', '', 'constructor:JsonAggConstructor arg:JsonValueExpr')],
  ['JsonTablePathSpec', shape('name name_location', 'string')],
  [
    'JsonTableColumn',
    shape(
      'coltype name wrapper quotes',
      'columns',
      'typeName:TypeName pathspec:JsonTablePathSpec format:JsonFormat on_empty:JsonBehavior on_error:JsonBehavior',
    ),
  ],
  [
    'JsonTable',
    shape(
      'alias lateral',
      'passing columns',
      'context_item:JsonValueExpr pathspec:JsonTablePathSpec on_error:JsonBehavior',
    ),
  ],
  [
    'RangeTableFuncCol',
    shape('colname for_ordinality is_not_null', 'colexpr coldefexpr', 'typeName:TypeName'),
  ],
  ['RangeTableFunc', shape('lateral alias', 'docexpr rowexpr namespaces columns')],
  ['ColumnDef', shape('colname is_local', '', 'typeName:TypeName collClause:CollateClause')],
  ['ReturningOption', shape('option value')],
  [
    'CTECycleClause',
    shape('cycle_col_list cycle_mark_column cycle_path_column', 'cycle_mark_value cycle_mark_default'),
  ],
  ['CTESearchClause', shape('search_col_list search_breadth_first search_seq_column')],
]);

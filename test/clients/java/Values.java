import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLXML;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.postgresql.geometric.PGbox;
import org.postgresql.geometric.PGpoint;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PGmoney;
import org.postgresql.util.PGobject;

/** Values of every kind, bound in every way that the driver has and read in every way. */
final class Values {
  private static final String[] SCALARS = {
    "(-32768)::int2", "2147483647", "-9223372036854775807", "'NaN'::float4", "'-Infinity'::float8", "1e-30::float8", "12345678901234567890.000100", "'NaN'::numeric",
    "'Infinity'::numeric", "0.00::numeric(10,2)", "true", "'ä''\\\"' || chr(128024)", "'x'::\"char\"", "'bp'::bpchar(5)", "'v'::varchar(3)", "'name'::name", "'\\x00ff5c'::bytea",
    "'infinity'::date", "'0044-03-15 BC'::date", "'24:00'::time", "'12:34:56.789+02'::timetz", "'2024-02-30'::text", "'-infinity'::timestamp", "'2024-10-27 02:30:00.000001'::timestamp",
    "'2024-10-27 02:30:00+05:30'::timestamptz", "'1 year -2 mons 3 days 04:05:06.7'::interval", "'12.34'::money", "b'1'", "b'1010'::varbit", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
    "'{\"a\":[1,null]}'::json", "'{\"a\":[1,null]}'::jsonb", "'$.a'::jsonpath", "'<a>b</a>'::xml", "'(1,2)'::point", "'((0,0),(1,1))'::box", "'<(1,2),3>'::circle", "'[(0,0),(1,1)]'::path",
    "'{1,2,3}'::line", "'[1,2)'::int4range", "'{[1,2),[5,)}'::int4multirange", "'empty'::tsrange", "'10.0.0.0/8'::cidr", "'::1'::inet", "'08:00:2b:01:02:03'::macaddr", "'a & b'::tsquery",
    "'fat cat'::tsvector", "'0/16B3748'::pg_lsn", "'happy'::mood", "5::positive", "row(1, 'x')::pair", "'a=>1, b=>NULL'::public.hstore", "'int4'::regtype", "'people'::regclass", "null", "null::pair"
  };

  static void scalars(Connection connection) throws Exception {
    String all = "select " + String.join(", ", SCALARS);
    try (PreparedStatement query = connection.prepareStatement(all)) {
      for (int i = 0; i < 3; i++) shown("scalars " + i, query.executeQuery());
      Say.line("before it runs: %d columns", query.getMetaData().getColumnCount());
    }
    try (Statement statement = connection.createStatement()) {
      shown("plain", statement.executeQuery(all));
    }
    for (String scalar : SCALARS) {
      try (PreparedStatement query = connection.prepareStatement("select " + scalar + " as one where ? = 1")) {
        for (int i = 0; i < 2; i++) {
          query.setInt(1, 1);
          try (ResultSet rows = query.executeQuery()) {
            rows.next();
            Say.line("%s: %s|%s|%s|%s|%s|%s", scalar, read(() -> rows.getInt(1)), read(() -> rows.getLong(1)), read(() -> rows.getBigDecimal(1)),
                read(() -> rows.getBytes(1)), read(() -> rows.getTimestamp(1)), read(() -> rows.getBoolean(1)));
          }
        }
      }
    }
  }

  /** Each of Java's types, bound to each of a few of the server's: what fails must fail alike. */
  static void written(Connection connection) throws Exception {
    Object[] values = {
      (short) 1, 2, 3L, 1.5f, -0.25d, new BigDecimal("1234567890.12345"), true, "text", "42", new byte[] {1, 2, 0, -1}, Date.valueOf("2024-02-29"), Time.valueOf("12:34:56"),
      Timestamp.valueOf("2024-02-29 12:34:56.789"), LocalDate.of(1, 1, 1), LocalTime.of(23, 59, 59, 999999000), LocalDateTime.of(2024, 6, 30, 23, 59),
      OffsetDateTime.of(2024, 6, 30, 23, 59, 0, 0, ZoneOffset.ofHours(-3)), UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), new PGpoint(1, 2), new PGbox(0, 0, 2, 2),
      new PGInterval("1 day 02:00"), new PGmoney("$5.00"), of("jsonb", "{\"k\": 1}"), of("pair", "(7,seven)"), of("mood", "sad"), new TreeMap<>(Map.of("k", "v"))
    };
    String[] casts = {"", "::text", "::int", "::numeric", "::timestamptz", "::jsonb"};
    for (String cast : casts) {
      try (PreparedStatement query = connection.prepareStatement("select ?" + cast + " as value")) {
        for (Object value : values) tried(value.getClass().getSimpleName() + cast, query, () -> query.setObject(1, value));
        tried("null" + cast, query, () -> query.setNull(1, Types.NULL));
        tried("null int" + cast, query, () -> query.setNull(1, Types.INTEGER));
      }
    }
    try (PreparedStatement insert = connection.prepareStatement("insert into people (name, mood, born, score, tags, extra, pair) values (?, ?::mood, ?, ?, ?, ?::jsonb, ?)")) {
      for (int i = 0; i < 3; i++) {
        insert.setString(1, "new " + i);
        insert.setString(2, i == 2 ? null : "happy");
        insert.setObject(3, LocalDate.of(2020, 1, 1 + i));
        insert.setBigDecimal(4, new BigDecimal("0.1").multiply(new BigDecimal(i)));
        insert.setArray(5, connection.createArrayOf("text", new String[] {"a,b", null, "\"", ""}));
        insert.setString(6, "[" + i + "]");
        insert.setObject(7, of("pair", "(" + i + ",\"q\"\"\")"));
        Say.line("inserted %d", insert.executeUpdate());
      }
      // Where values are written into the text, the driver runs it to learn what they are.
      var bound = Calls.simple(connection) ? query(connection).getParameterMetaData() : insert.getParameterMetaData();
      for (int i = 1; i <= bound.getParameterCount(); i++) Say.line("parameter %d: %s %s", i, bound.getParameterTypeName(i), bound.getParameterClassName(i));
    }
    try (PreparedStatement wrong = connection.prepareStatement("insert into people (name, mood) values (?, ?)")) {
      wrong.setString(1, "wrong");
      wrong.setString(2, "furious");
      Say.fails("no such mood or type", wrong::executeUpdate);
      wrong.setString(1, null);
      wrong.setObject(2, "ok", Types.OTHER);
      Say.fails("null name", wrong::executeUpdate);
      wrong.setString(1, "person 1");
      Say.fails("twice", wrong::executeUpdate);
      wrong.setString(1, "nul \0 in it");
      Say.fails("a byte that no text has", wrong::executeUpdate);
    }
  }

  static void arrays(Connection connection) throws Exception {
    String sql = "select ?::int4[], ?::int8[], ?::float8[], ?::bool[], ?::text[], ?::numeric[], ?::timestamp[], ?::uuid[], ?::bytea[], '[2:3]={1,2}'::int[], '{{1,2},{3,4}}'::int[],"
        + " array[row(1, 'a')::pair, null], array['sad', 'ok']::mood[]";
    try (PreparedStatement query = connection.prepareStatement(sql)) {
      for (int i = 0; i < 3; i++) {
        query.setObject(1, new int[] {1, -2, i});
        query.setObject(2, new long[] {1L << 40});
        query.setObject(3, new double[] {0.5, Double.NaN});
        query.setObject(4, new boolean[] {true, false});
        query.setArray(5, connection.createArrayOf("text", new String[][] {{"a", null}, {"{", "\\"}}));
        query.setArray(6, connection.createArrayOf("numeric", new BigDecimal[] {new BigDecimal("1.10")}));
        query.setArray(7, connection.createArrayOf("timestamp", new Timestamp[] {Timestamp.valueOf("2024-01-01 00:00:00")}));
        query.setArray(8, connection.createArrayOf("uuid", new UUID[] {new UUID(1, i)}));
        query.setObject(9, new byte[][] {{1, 0}, {}});
        shown("arrays " + i, query.executeQuery());
      }
    }
    try (PreparedStatement query = connection.prepareStatement("select id from people where id = any(?) order by 1")) {
      for (int i = 0; i < 3; i++) {
        query.setArray(1, connection.createArrayOf("int4", new Integer[] {1, i, null}));
        shown("any " + i, query.executeQuery());
      }
    }
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("select tags, array[1, 2, null] from people where id = 1")) {
      rows.next();
      try (ResultSet inside = rows.getArray(1).getResultSet()) {
        while (inside.next()) Say.line("element %d: %s", inside.getInt(1), inside.getString(2));
      }
      Say.line("slice: %s", Arrays.toString((Object[]) rows.getArray(2).getArray(1, 2)));
    }
  }

  static void structures(Connection connection) throws Exception {
    connection.setAutoCommit(true);
    try (PreparedStatement query = connection.prepareStatement("select p, p.pair, (p.pair).b, array_agg(o order by o.id) from people p join orders o on o.person = p.id where p.id <= ? group by p.id order by p.id")) {
      for (int i = 1; i < 4; i++) {
        query.setInt(1, i);
        shown("whole " + i, query.executeQuery());
      }
    }
    try (PreparedStatement query = connection.prepareStatement("select $$a ? b$$ as q, ?::text as w, '{\"a\": 1}'::jsonb ?? 'a' as has, public.hstore('a', ?) -> 'a' /* ? */ -- ?")) {
      query.setString(1, "first");
      query.setString(2, "second");
      shown("marks", query.executeQuery());
    }
    try (Statement statement = connection.createStatement()) {
      shown("escapes", statement.executeQuery("select {fn concat('a', 'b')}, {d '2024-01-01'}, {ts '2024-01-01 10:00:00'}, {fn ucase('x')}, 'x' like '\\%' {escape '\\'}"));
      statement.setEscapeProcessing(false);
      Say.fails("escapes as they are", () -> statement.executeQuery("select {fn now()}"));
    }
  }

  private interface Binding {
    void bind() throws SQLException;
  }

  private static void tried(String what, PreparedStatement query, Binding binding) {
    try {
      binding.bind();
      shown(what, query.executeQuery());
    } catch (SQLException error) {
      Say.line("%s: %s", what, Say.said(error));
    }
  }

  private static PreparedStatement query(Connection connection) throws SQLException {
    return connection.prepareStatement("select 1");
  }

  private static PGobject of(String type, String value) throws SQLException {
    PGobject object = new PGobject();
    object.setType(type);
    object.setValue(value);
    return object;
  }

  private interface Reading {
    Object read() throws SQLException;
  }

  private static String read(Reading reading) {
    try {
      return text(reading.read());
    } catch (SQLException error) {
      return error.getSQLState() + " " + String.valueOf(error.getMessage()).replaceAll("\\[B@[0-9a-f]+", "bytes");
    } catch (RuntimeException error) {
      return error.getClass().getSimpleName();
    }
  }

  private static String text(Object value) throws SQLException {
    if (value instanceof byte[] bytes) return Arrays.toString(bytes);
    if (value instanceof Array array) return array.getBaseTypeName() + Arrays.deepToString((Object[]) array.getArray());
    if (value instanceof SQLXML xml) return xml.getString();
    // A driver that makes a text of bytes says where they are.
    return String.valueOf(value).replaceAll("\\[B@[0-9a-f]+", "bytes") + (value == null ? "" : " " + value.getClass().getSimpleName());
  }

  /** A result as objects and as strings. */
  static void shown(String what, ResultSet rows) throws SQLException {
    var columns = rows.getMetaData();
    StringBuilder head = new StringBuilder();
    for (int i = 1; i <= columns.getColumnCount(); i++)
      head.append('|').append(columns.getColumnLabel(i)).append(' ').append(columns.getColumnTypeName(i)).append(' ').append(columns.getPrecision(i)).append(' ')
          .append(columns.getScale(i)).append(' ').append(columns.isAutoIncrement(i)).append(' ').append(columns.isNullable(i)).append(' ').append(columns.getTableName(i));
    Say.line("%s: %s", what, head);
    while (rows.next()) {
      for (int i = 1; i <= columns.getColumnCount(); i++) {
        int at = i;
        Say.line("%s: %s / %s", what, read(() -> rows.getObject(at)), read(() -> rows.getString(at)));
      }
    }
    rows.close();
  }
}

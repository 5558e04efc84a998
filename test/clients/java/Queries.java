import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.UUID;

final class Queries {
  static void types(Connection connection) throws Exception {
    String sql = "select ?::int2, ?::int4, ?::int8, ?::float4, ?::float8, ?::numeric, ?::bool, ?::text, ?::bytea, ?::date, ?::timestamptz,"
        + " ?::uuid, ?::int4[], ?::text[], ?::text";
    try (PreparedStatement query = connection.prepareStatement(sql)) {
      for (int i = 0; i < 4; i++) {
        query.setShort(1, (short) i);
        query.setInt(2, -i);
        query.setLong(3, 1L << 40);
        query.setFloat(4, 1.5f);
        query.setDouble(5, -0.25);
        query.setBigDecimal(6, new BigDecimal("12345.6789"));
        query.setBoolean(7, i % 2 == 0);
        query.setString(8, "Grüße 🐘 \\ ' \"");
        query.setBytes(9, new byte[] {0, 1, -1});
        query.setObject(10, LocalDate.of(2024, 2, 29));
        query.setObject(11, OffsetDateTime.of(2024, 2, 29, 12, 0, 0, 123456000, ZoneOffset.UTC));
        query.setObject(12, UUID.fromString("00000000-0000-0000-0000-00000000000" + i));
        query.setArray(13, connection.createArrayOf("int4", new Object[] {1, null, 3}));
        query.setArray(14, connection.createArrayOf("text", new Object[] {"a", "b\"c"}));
        query.setString(15, null);
        Say.table("types " + i, query.executeQuery());
      }
    }
    try (Statement statement = connection.createStatement()) {
      Say.table("more types", statement.executeQuery("select null::int, 'x'::\"char\", '{\"a\": 1}'::jsonb, '1 day'::interval, '(1,2)'::point,"
          + " '[1,5)'::int4range, 'Infinity'::float8, row(1, 'a'), '192.168.0.1'::inet, b'101', '12:00'::time, 1.10::money::numeric"));
    }
  }

  static void repeated(Connection connection) throws Exception {
    try (PreparedStatement query = connection.prepareStatement("select id, name, price from items where id between ? and ? order by id")) {
      for (int i = 1; i <= 5; i++) {
        query.setInt(1, i);
        query.setInt(2, i + 1);
        Say.table("items " + i, query.executeQuery());
      }
      Say.line("%d parameters", query.getParameterMetaData().getParameterCount());
    }
    try (Statement statement = connection.createStatement()) {
      for (String sql : new String[] {"", "-- nothing", "select", "select 1 where false", "select 1; select 2, 3; update items set price = price"}) {
        boolean rows = statement.execute(sql);
        for (int i = 0; rows || statement.getUpdateCount() >= 0; i++) {
          if (rows) Say.table(sql + " " + i, statement.getResultSet());
          else Say.line("%s %d: %d", sql, i, statement.getUpdateCount());
          rows = statement.getMoreResults();
        }
      }
    }
  }

  /** In parts, through portals that are suspended in between. */
  static void fetched(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    try (PreparedStatement query = connection.prepareStatement("select i, repeat('x', i) from generate_series(1, ?) i")) {
      for (int size : new int[] {1, 7, 100, 0}) {
        query.setFetchSize(size);
        query.setInt(1, 250);
        try (ResultSet rows = query.executeQuery(); Statement between = connection.createStatement()) {
          long sum = 0;
          while (rows.next()) {
            sum += rows.getInt(1) + rows.getString(2).length();
            if (rows.getInt(1) % 100 == 0) between.executeQuery("select 1");
          }
          Say.line("by %d: %d", size, sum);
        }
      }
      query.setMaxRows(5);
      Say.table("five", query.executeQuery());
    }
    try (Statement scroll = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
      ResultSet rows = scroll.executeQuery("select id, name, price from items order by id limit 5");
      rows.last();
      Say.line("%d rows", rows.getRow());
      rows.absolute(2);
      rows.updateInt("price", 4711);
      rows.updateRow();
      rows.refreshRow();
      Say.line("updated to %d", rows.getInt("price"));
    }
    connection.rollback();
    connection.setAutoCommit(true);
  }

  static void metadata(Connection connection) throws Exception {
    DatabaseMetaData about = connection.getMetaData();
    Say.line("%s %s, %s", about.getDatabaseProductName(), about.getDatabaseProductVersion(), about.getUserName());
    Say.table("schemas", about.getSchemas());
    Say.table("tables", about.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"}));
    Say.table("columns", about.getColumns(null, "public", "items", "%"));
    Say.table("keys", about.getPrimaryKeys(null, "public", "items"));
    Say.table("indexes", about.getIndexInfo(null, "public", "items", false, true));
    Say.table("foreign keys", about.getImportedKeys(null, "public", "items"));
    Say.table("functions", about.getFunctions(null, "public", "%"));
    Say.table("privileges", about.getTablePrivileges(null, "public", "notes"));
    Say.line("%d types", count(about.getTypeInfo()));
    Say.line("%d keywords", about.getSQLKeywords().split(",").length);
  }

  private static int count(ResultSet rows) throws Exception {
    int count = 0;
    while (rows.next()) count++;
    return count;
  }
}

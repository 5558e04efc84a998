import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/** Everything that the driver can say about the database: its methods without arguments, and those that look something up. */
final class Catalogs {
  static void all(Connection connection) throws Exception {
    DatabaseMetaData about = connection.getMetaData();
    Method[] methods = DatabaseMetaData.class.getMethods();
    Arrays.sort(methods, Comparator.comparing(Method::toString));
    for (Method method : methods) {
      // The address is another one through anything that stands between.
      if (method.getParameterCount() > 0 || method.getName().equals("getURL") || method.getName().equals("getConnection")) continue;
      try {
        Object value = method.invoke(about);
        if (value instanceof ResultSet rows) table(method.getName(), rows);
        else Say.line("%s: %s", method.getName(), value);
      } catch (InvocationTargetException error) {
        Say.line("%s: %s", method.getName(), Say.said(error.getCause()));
      }
    }
    for (String type : new String[] {"TABLE", "VIEW", "MATERIALIZED VIEW", "INDEX", "SEQUENCE", "TYPE", "PARTITIONED TABLE", "SYSTEM VIEW", "TEMPORARY TABLE"})
      table(type, about.getTables(null, type.startsWith("SYSTEM") ? "pg_catalog" : "breadth", "%", new String[] {type}));
    table("columns", about.getColumns(null, "breadth", "%", "%"));
    for (String table : new String[] {"people", "orders", "rich", "none"}) {
      table("primary " + table, about.getPrimaryKeys(null, "breadth", table));
      table("imported " + table, about.getImportedKeys(null, "breadth", table));
      table("exported " + table, about.getExportedKeys(null, "breadth", table));
      table("indexes " + table, about.getIndexInfo(null, "breadth", table, false, false));
      table("best " + table, about.getBestRowIdentifier(null, "breadth", table, DatabaseMetaData.bestRowSession, true));
      table("versions " + table, about.getVersionColumns(null, "breadth", table));
      table("privileges " + table, about.getTablePrivileges(null, "breadth", table));
      table("column privileges " + table, about.getColumnPrivileges(null, "breadth", table, "%"));
    }
    table("cross", about.getCrossReference(null, "breadth", "people", null, "breadth", "orders"));
    table("procedures", about.getProcedures(null, "breadth", "%"));
    table("procedure columns", about.getProcedureColumns(null, "breadth", "%", "%"));
    table("functions", about.getFunctions(null, "breadth", "%"));
    table("function columns", about.getFunctionColumns(null, "breadth", "%", "%"));
    table("user types", about.getUDTs(null, "breadth", "%", null));
    table("schemas", about.getSchemas(null, "br%"));
  }

  /** Where the driver sorts by less than the whole row, the server promises no order; and names made to be one have an OID in them. */
  private static void table(String what, ResultSet rows) throws SQLException {
    List<String> lines = new ArrayList<>();
    int columns = rows.getMetaData().getColumnCount();
    while (rows.next()) {
      StringBuilder row = new StringBuilder();
      for (int i = 1; i <= columns; i++) row.append('|').append(rows.getObject(i));
      lines.add(row.toString().replaceAll("_[0-9]{5,}$", "_oid"));
    }
    Collections.sort(lines);
    for (String row : lines) Say.line("%s: %s", what, row);
  }
}

import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.util.Arrays;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** How things are told. */
final class Say {
  interface Attempt {
    void run() throws Exception;
  }

  static void line(String format, Object... values) {
    System.out.println(values.length == 0 ? format : String.format(format, values));
  }

  /** A result: its columns with their types, and all rows. */
  static void table(String what, ResultSet rows) throws SQLException {
    ResultSetMetaData columns = rows.getMetaData();
    for (int i = 1; i <= columns.getColumnCount(); i++)
      line("%s: column %s %s %s.%s %d null %d", what, columns.getColumnLabel(i), columns.getColumnTypeName(i), columns.getTableName(i),
          columns.getColumnName(i), columns.getPrecision(i), columns.isNullable(i));
    while (rows.next()) {
      StringBuilder row = new StringBuilder();
      for (int i = 1; i <= columns.getColumnCount(); i++) row.append('|').append(value(rows.getObject(i)));
      line("%s: %s", what, row);
    }
  }

  private static String value(Object value) {
    return value instanceof byte[] bytes ? Arrays.toString(bytes) : String.valueOf(value);
  }

  /** How something failed that has to: everything that the server has put into it. */
  static void fails(String what, Attempt attempt) {
    try {
      attempt.run();
      line("%s: did NOT fail", what);
    } catch (Exception error) {
      for (Throwable at = error; at != null; at = at instanceof SQLException sql ? sql.getNextException() : null)
        line("%s: %s", what, said(at));
    }
  }

  static String said(Throwable error) {
    ServerErrorMessage said = error instanceof PSQLException server ? server.getServerErrorMessage() : null;
    if (said != null)
      return String.join(" ", said.getSeverity(), said.getSQLState(), said.getMessage(), "detail=" + said.getDetail(),
          "hint=" + said.getHint(), "at=" + said.getPosition(), "where=" + said.getWhere(), said.getSchema() + "." + said.getTable(),
          String.valueOf(said.getConstraint()));
    String state = error instanceof SQLException sql ? sql.getSQLState() : "";
    return error.getClass().getSimpleName() + " " + state + " " + error.getMessage();
  }

  static void warnings(String what, SQLWarning first) {
    for (SQLWarning at = first; at != null; at = at.getNextWarning()) line("%s: warned %s %s", what, at.getSQLState(), at.getMessage());
  }
}

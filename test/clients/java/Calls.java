import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import org.postgresql.PGConnection;
import org.postgresql.jdbc.PreferQueryMode;

/** Functions and procedures by JDBC's own call syntax. */
final class Calls {
  /** The driver writes a call's result into the text where it writes all values into it, so calls with a result fail at the driver itself. */
  static boolean simple(Connection connection) throws SQLException {
    return connection.unwrap(PGConnection.class).getPreferQueryMode() == PreferQueryMode.SIMPLE;
  }

  static void functions(Connection connection) throws Exception {
    for (String sql : new String[] {"{? = call twice(?)}", "{call raising(?)}", "{call rows(?)}", "{call parts(?, ?, ?, ?)}", "{? = call no_such(?)}", "{call twice(?)}"}) {
      try (CallableStatement call = connection.prepareCall(sql)) {
        for (int i = 0; i < 3; i++) {
          try {
            if (sql.startsWith("{?")) {
              call.registerOutParameter(1, Types.INTEGER);
              call.setInt(2, i);
            } else if (sql.contains("parts")) {
              call.setInt(1, 7);
              call.registerOutParameter(2, Types.INTEGER);
              call.setString(3, "rest ");
              call.registerOutParameter(3, Types.VARCHAR);
              call.registerOutParameter(4, Types.TIMESTAMP);
            } else if (sql.contains("raising")) call.setString(1, "way");
            else call.setInt(1, i);
            boolean rows = call.execute();
            Say.line("%s: %s %d", sql, rows, call.getUpdateCount());
            if (sql.startsWith("{?")) Say.line("%s: %d", sql, call.getInt(1));
            if (sql.contains("parts")) Say.line("%s: %d %s %s", sql, call.getInt(2), call.getString(3), call.getTimestamp(4));
            if (rows) Say.table(sql, call.getResultSet());
          } catch (SQLException error) {
            Say.line("%s: %s", sql, Say.said(error));
          }
          Say.warnings(sql, call.getWarnings());
        }
      }
    }
  }

  static void procedures(Connection connection) throws Exception {
    for (boolean auto : new boolean[] {true, false}) {
      connection.setAutoCommit(auto);
      for (String sql : new String[] {"call adding(?, ?)", "call committing()", "{call committing()}"}) {
        try (CallableStatement call = connection.prepareCall(sql)) {
          for (int i = 0; i < 3; i++) {
            if (sql.contains("adding")) {
              call.setInt(1, i + (auto ? 0 : 10));
              call.setInt(2, 5);
              call.registerOutParameter(2, Types.INTEGER);
            }
            try {
              call.execute();
              if (sql.contains("adding")) Say.line("total %d", call.getInt(2));
            } catch (SQLException error) {
              Say.line("%s %s: %s", sql, auto, Say.said(error));
              if (!auto) connection.rollback();
            }
          }
        }
      }
      if (!auto) connection.commit();
    }
    connection.setAutoCommit(true);
    try (Statement statement = connection.createStatement()) {
      Say.table("what is there", statement.executeQuery("select name from people where name ~ '^(by|comm)' order by 1"));
    }
  }
}

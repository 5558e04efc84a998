import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.copy.CopyOut;
import org.postgresql.copy.PGCopyInputStream;
import org.postgresql.copy.PGCopyOutputStream;

/** How things come to an end: by time, by rollback, by the last row of a copy. */
final class Ends {
  static void timeouts(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    try (PreparedStatement sleep = connection.prepareStatement("select pg_sleep(?), 'slept'")) {
      sleep.setDouble(1, 0);
      Say.table("slept", sleep.executeQuery());
      sleep.setQueryTimeout(1);
      sleep.setDouble(1, 60);
      Say.fails("by the driver, which cancels it", sleep::executeQuery);
    }
    try (Statement statement = connection.createStatement()) {
      try {
        Say.table("alive", statement.executeQuery("select 1"));
      } catch (SQLException error) {
        Say.line("alive: %s", Say.said(error));
      }
      connection.rollback();
      statement.execute("set local statement_timeout = '2s'");
      Say.fails("by the server", () -> statement.execute("select pg_sleep(60)"));
      connection.rollback();
    }
    connection.setAutoCommit(true);
    Say.line("valid %s", connection.isValid(60));
  }

  static void transactions(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      // Where the driver sets savepoints of its own and releases them, those of the program may go with them.
      try {
        savepoints(connection, statement);
      } catch (SQLException error) {
        Say.line("savepoints: %s", Say.said(error));
      }
      connection.rollback();
      statement.execute("select txid_current_if_assigned() is null; set local work_mem = '1MB'; show work_mem");
      while (statement.getMoreResults() || statement.getUpdateCount() >= 0) {
        if (statement.getResultSet() != null) Say.table("many", statement.getResultSet());
      }
      connection.commit();
      Say.table("reset", statement.executeQuery("show work_mem"));
      connection.rollback();
      connection.setReadOnly(true);
      Say.fails("read only", () -> statement.execute("select nextval('numbers')"));
      connection.rollback();
      connection.setReadOnly(false);
      statement.execute("begin");
      Say.warnings("begin twice", statement.getWarnings());
      statement.execute("commit; begin; select 1; rollback");
      connection.rollback();
    }
    connection.setAutoCommit(true);
    try (Statement statement = connection.createStatement()) {
      for (String sql : new String[] {"update people set score = 1 where id = 1; select 1 / 0; update people set score = 2 where id = 1", "begin; update people set score = 3 where id = 1; commit; select 1 / 0",
          "select 1; selec 2", "create index concurrently on people (score); select 1", "vacuum people", "rollback", "commit", "create database no_right_to; select 1", "set no_such = 1",
          "set x.y = 'custom'; show x.y", "lock table people", "listen c; notify c, 'x'; unlisten c", "do $$ begin raise info 'i'; raise log 'l'; raise debug 'd'; raise warning 'w' using hint = 'wh'; end $$"}) {
        try {
          boolean rows = statement.execute(sql);
          while (rows || statement.getUpdateCount() >= 0) {
            if (rows) Say.table(sql, statement.getResultSet());
            else Say.line("%s: %d", sql, statement.getUpdateCount());
            rows = statement.getMoreResults();
          }
        } catch (SQLException error) {
          Say.line("%s: %s", sql, Say.said(error));
        }
        Say.warnings(sql, statement.getWarnings());
        statement.clearWarnings();
      }
      Say.table("score", statement.executeQuery("select score from people where id = 1"));
    }
    connection.setClientInfo("ApplicationName", "renamed");
    connection.setCatalog("ignored");
    connection.setNetworkTimeout(Runnable::run, 60_000);
    Say.line("%s %s %s", connection.getClientInfo("ApplicationName"), connection.getCatalog(), connection.unwrap(PGConnection.class).getParameterStatuses().get("application_name"));
    for (String name : new String[] {"TimeZone", "DateStyle", "client_encoding", "server_encoding", "integer_datetimes", "standard_conforming_strings", "IntervalStyle", "is_superuser", "session_authorization",
        "default_transaction_read_only", "in_hot_standby", "search_path", "scram_iterations"}) Say.line("%s=%s", name, connection.unwrap(PGConnection.class).getParameterStatus(name));
  }

  private static void savepoints(Connection connection, Statement statement) throws SQLException {
    Savepoint outer = connection.setSavepoint();
    statement.execute("update people set score = 0");
    Savepoint inner = connection.setSavepoint("With \"quotes\"");
    Say.fails("inside", () -> statement.execute("update people set name = null"));
    try {
      Say.table("state", statement.executeQuery("select sum(score) from people"));
    } catch (SQLException error) {
      Say.line("state: %s", Say.said(error));
    }
    connection.rollback(inner);
    connection.releaseSavepoint(inner);
    connection.rollback(outer);
    Say.table("all", statement.executeQuery("select sum(score) from people"));
    connection.releaseSavepoint(outer);
    Say.fails("a savepoint that is gone", () -> statement.execute("rollback to none"));
  }

  static void copies(Connection connection) throws Exception {
    for (boolean auto : new boolean[] {true, false}) {
      connection.setAutoCommit(auto);
      CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
      Say.line("csv: %d", copy.copyIn("copy people (name, score) from stdin (format csv, header)", new StringReader("name,score\n\"a,\"\"b\",1\nc,\n")));
      Say.fails("no such name", () -> copy.copyIn("copy nobody from stdin", new StringReader("x\n")));
      if (!auto) connection.rollback();
      Say.fails("in its third row", () -> copy.copyIn("copy people (name) from stdin", new StringReader("d\ne\nd\nf\n")));
      if (!auto) connection.rollback();
      Say.fails("not a copy", () -> copy.copyIn("select 1", new StringReader("")));
      CopyIn in = copy.copyIn("copy people (name, mood) from stdin (delimiter '|')");
      Say.line("%d columns, format %d, %s", in.getFieldCount(), in.getFormat(), in.isActive());
      in.writeToCopy("g|sad\n".getBytes(), 0, 6);
      in.flushCopy();
      in.writeToCopy("h|ha".getBytes(), 0, 4);
      in.writeToCopy("ppy\n".getBytes(), 0, 4);
      Say.line("in: %d %d", in.endCopy(), in.getHandledRowCount());
      CopyIn given = copy.copyIn("copy people (name) from stdin");
      given.cancelCopy();
      if (!auto) connection.rollback();
      try (PGCopyOutputStream out = new PGCopyOutputStream(connection.unwrap(PGConnection.class), "copy people (name) from stdin", 16)) {
        for (int i = 0; i < 20; i++) out.write(("streamed " + i + "\n").getBytes());
      }
      try (PGCopyInputStream rows = new PGCopyInputStream(connection.unwrap(PGConnection.class), "copy (select name from people where name like 'streamed%' order by id) to stdout")) {
        Say.line("streamed: %s", new String(rows.readAllBytes()).replace("\n", " "));
      }
      CopyOut out = copy.copyOut("copy (select g, 10 / (3 - g) from generate_series(1, 5) g) to stdout");
      Say.fails("in the third row out", () -> {
        byte[] row = out.readFromCopy();
        while (row != null) {
          Say.line("row %s", new String(row).trim());
          row = out.readFromCopy();
        }
      });
      if (!auto) connection.rollback();
      else connection.createStatement().execute("delete from people where name ~ '^(a,|c$|g$|h$|streamed)'");
    }
    connection.setAutoCommit(true);
  }
}

import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.sql.Types;

/** Results that are not read from the first row to the last. */
final class Cursors {
  static void scrolled(Connection connection) throws Exception {
    for (boolean auto : new boolean[] {true, false}) {
      connection.setAutoCommit(auto);
      try (PreparedStatement query = connection.prepareStatement("select id, name from people where id > ? order by id", ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY)) {
        for (int i = 0; i < 3; i++) {
          query.setInt(1, i);
          query.setFetchSize(i * 4);
          try (ResultSet rows = query.executeQuery()) {
            Say.line("last %s at %d", rows.last(), rows.getRow());
            Say.line("back %s %s", rows.relative(-3), rows.getString(2));
            Say.line("to %s %s", rows.absolute(2), rows.getString(2));
            Say.line("beyond %s %s", rows.absolute(1000), rows.isAfterLast());
            rows.beforeFirst();
            rows.setFetchDirection(ResultSet.FETCH_REVERSE);
            Say.line("first %s %s", rows.next(), rows.getString("name"));
          }
        }
      }
      if (!auto) connection.commit();
    }
    connection.setAutoCommit(true);
  }

  static void updated(Connection connection) throws Exception {
    for (String sql : new String[] {"select id, name, score, tags from people where id < 6 order by id", "select * from people where id < 4 order by id", "select id, person, amount from orders where id < 4 order by id",
        "select p.id from people p join orders o on o.person = p.id", "select name from people"}) {
      try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
        ResultSet rows = statement.executeQuery(sql);
        try {
          rows.next();
          rows.next();
          if (sql.contains("amount")) rows.updateInt("amount", 77);
          else rows.updateString("name", "renamed by " + sql.length());
          rows.updateRow();
          rows.refreshRow();
          Say.line("now %s", rows.getString(2));
          rows.moveToInsertRow();
          if (sql.contains("amount")) {
            rows.updateInt("id", 9001);
            rows.updateInt("person", 1);
            rows.updateInt("amount", -1);
          } else rows.updateString("name", "inserted by " + sql.length());
          rows.insertRow();
          Say.line("inserted");
        } catch (Exception error) {
          Say.line("%s: %s", sql, Say.said(error));
        }
        try {
          rows.moveToCurrentRow();
          rows.first();
          rows.deleteRow();
          Say.line("deleted, then %s", rows.next());
        } catch (Exception error) {
          Say.line("%s: %s", sql, Say.said(error));
        }
      }
    }
    try (Statement statement = connection.createStatement()) {
      Say.table("left", statement.executeQuery("select name, score from people order by name limit 8"));
    }
  }

  /** Portals that are suspended while other things happen: each open at its own place. */
  static void parts(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    try (PreparedStatement outer = connection.prepareStatement("select id from people where id <= ? order by id"); PreparedStatement inner = connection.prepareStatement("select amount from orders where person >= ? order by 1")) {
      for (int size : new int[] {1, 4, 0}) {
        outer.setFetchSize(size);
        inner.setFetchSize(2);
        outer.setInt(1, 9);
        StringBuilder seen = new StringBuilder();
        try (ResultSet rows = outer.executeQuery()) {
          while (rows.next()) {
            inner.setInt(1, rows.getInt(1));
            inner.setMaxRows(3);
            try (ResultSet more = inner.executeQuery()) {
              while (more.next()) seen.append(rows.getInt(1)).append(':').append(more.getInt(1)).append(' ');
            }
          }
        }
        Say.line("by %d: %s", size, seen);
      }
      outer.setFetchSize(2);
      ResultSet cut = outer.executeQuery();
      cut.next();
      connection.commit();
      Say.line("past the end of its transaction: %s", cut.next());
      Say.fails("and on", () -> {
        cut.next();
        throw new IllegalStateException("came to " + cut.getInt(1));
      });
      connection.rollback();
      // A failure while a portal is suspended: its transaction takes it along.
      ResultSet open = outer.executeQuery();
      open.next();
      try (Statement statement = connection.createStatement()) {
        Say.fails("in between", () -> statement.execute("select 1 / 0"));
      }
      try {
        int count = 1;
        while (open.next()) count++;
        Say.line("went on to %d", count);
      } catch (Exception error) {
        Say.line("then: %s", Say.said(error));
      }
      connection.rollback();
    }
    try (PreparedStatement late = connection.prepareStatement("select 10 / (5 - id) from people order by id")) {
      late.setFetchSize(2);
      Say.fails("in a later part", () -> {
        try (ResultSet rows = late.executeQuery()) {
          while (rows.next()) Say.line("part %d", rows.getInt(1));
        }
      });
      connection.rollback();
    }
    try (PreparedStatement held = connection.prepareStatement("select id from people order by id", ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY, ResultSet.HOLD_CURSORS_OVER_COMMIT)) {
      held.setFetchSize(2);
      ResultSet rows = held.executeQuery();
      rows.next();
      connection.commit();
      int count = 1;
      while (rows.next()) count++;
      Say.line("held: %d", count);
    }
    try (PreparedStatement returning = connection.prepareStatement("update people set score = score + 1 where id <= 5 returning id, score")) {
      returning.setFetchSize(2);
      Say.table("returning in parts", returning.executeQuery());
    }
    try (Statement statement = connection.createStatement()) {
      statement.execute("declare c scroll cursor with hold for select id, name from people order by id");
      for (String fetch : new String[] {"fetch 2 from c", "fetch backward 1 from c", "fetch absolute 5 from c", "move forward all in c", "fetch last from c", "fetch prior from c"}) {
        if (fetch.startsWith("move")) Say.line("%s: %d", fetch, statement.executeUpdate(fetch));
        else Say.table(fetch, statement.executeQuery(fetch));
      }
      connection.commit();
      Say.table("past commit", statement.executeQuery("fetch first from c"));
      statement.execute("close c");
      Say.fails("closed", () -> statement.execute("fetch next from c"));
      connection.rollback();
    }
    connection.setAutoCommit(true);
  }

  static void references(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    if (!Calls.simple(connection)) {
      try (CallableStatement call = connection.prepareCall("{? = call opened()}")) {
        for (int i = 0; i < 3; i++) {
          call.registerOutParameter(1, Types.REF_CURSOR);
          call.setFetchSize(i * 5);
          call.execute();
          try (ResultSet rows = (ResultSet) call.getObject(1)) {
            int sum = 0;
            while (rows.next()) sum += rows.getInt(1);
            Say.line("through the reference: %d", sum);
          }
        }
      }
    }
    try (Statement statement = connection.createStatement(); ResultSet two = statement.executeQuery("select * from two()")) {
      while (two.next()) Values.shown(two.getString(1), (ResultSet) two.getObject(1));
    }
    connection.commit();
    connection.setAutoCommit(true);
    try (Statement statement = connection.createStatement()) {
      ResultSet gone = statement.executeQuery("select two()");
      gone.next();
      Say.fails("behind its transaction", () -> gone.getObject(1));
    }
  }
}

import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;

/** Many statements at once: what they give back, and what is left where one of them fails. */
final class Batches {
  static void keys(Connection connection) throws Exception {
    try (PreparedStatement insert = connection.prepareStatement("insert into people (name, score) values (?, ?)", new String[] {"id", "name", "score"})) {
      for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5; i++) {
          insert.setString(1, "batch " + round + " " + i);
          insert.setInt(2, i);
          insert.addBatch();
        }
        Say.line("counts: %s", Arrays.toString(insert.executeLargeBatch()));
        Say.table("keys", insert.getGeneratedKeys());
      }
    }
    try (Statement statement = connection.createStatement()) {
      Say.line("plain: %d", statement.executeUpdate("insert into orders (person, amount) values (1, 5), (2, 6)", Statement.RETURN_GENERATED_KEYS));
      Say.table("plain", statement.getGeneratedKeys());
      Say.line("named: %d", statement.executeUpdate("update orders set amount = 9 where person = 2", new String[] {"id", "amount"}));
      Say.table("named", statement.getGeneratedKeys());
      Say.fails("no such key", () -> statement.executeUpdate("insert into orders (person, amount) values (1, 5)", new String[] {"none"}));
    }
    try (PreparedStatement merge = connection.prepareStatement("insert into people (name, score) values (?, ?) on conflict (name) do update set score = excluded.score returning id")) {
      for (int i = 0; i < 3; i++) {
        merge.setString(1, "person 1");
        merge.setInt(2, i);
        Say.table("upsert", merge.executeQuery());
      }
    }
  }

  static void failing(Connection connection) throws Exception {
    for (boolean auto : new boolean[] {true, false}) {
      for (int broken : new int[] {0, 3, 7}) {
        connection.setAutoCommit(auto);
        String what = (auto ? "each " : "all ") + broken;
        try (PreparedStatement insert = connection.prepareStatement("insert into orders (person, amount) values (?, ?)")) {
          for (int i = 0; i < 8; i++) {
            insert.setInt(1, 1 + i);
            insert.setInt(2, i == broken ? 5000 : 100 + i);
            insert.addBatch();
          }
          ran(what, insert::executeBatch);
          follows(connection, what);
        }
        if (!auto) connection.rollback();
        try (Statement batch = connection.createStatement()) {
          for (int i = 0; i < 8; i++) batch.addBatch(i == broken ? "insert into no_such values (1)" : "update people set score = " + i + " where id = " + (i + 1));
          ran(what + " plain", batch::executeBatch);
          follows(connection, what + " plain");
        }
        if (!auto) connection.rollback();
        try (Statement batch = connection.createStatement()) {
          batch.addBatch("update people set score = 1 where id = 1");
          batch.addBatch("selec");
          batch.addBatch("update people set score = 2 where id = 1");
          ran(what + " that does not parse", batch::executeBatch);
          follows(connection, what + " that does not parse");
        }
        if (!auto) connection.rollback();
      }
    }
    // Its constraint is looked at when the transaction ends.
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute("insert into orders (person, amount) values (4711, 1)");
      Say.fails("at commit", connection::commit);
      Say.table("and on", statement.executeQuery("select count(*) from orders where person = 4711"));
      connection.rollback();
    }
    connection.setAutoCommit(true);
    try (PreparedStatement query = connection.prepareStatement("select ?::int")) {
      for (int i = 0; i < 2; i++) {
        query.setInt(1, i);
        query.addBatch();
      }
      ran("rows in a batch", query::executeBatch);
    }
  }

  private interface Batch {
    int[] run() throws SQLException;
  }

  private static void ran(String what, Batch batch) {
    try {
      Say.line("%s: %s", what, Arrays.toString(batch.run()));
    } catch (BatchUpdateException error) {
      Say.line("%s: %s %s", what, error.getMessage(), Arrays.toString(error.getUpdateCounts()));
      for (SQLException at = error.getNextException(); at != null; at = at.getNextException()) Say.line("%s: %s", what, Say.said(at));
    } catch (SQLException error) {
      Say.line("%s: %s", what, Say.said(error));
    }
  }

  /** Whether the transaction lives on hangs on autosave. */
  private static void follows(Connection connection, String what) {
    try (PreparedStatement query = connection.prepareStatement("select (select count(*) from orders), (select sum(score) from people)"); ResultSet rows = query.executeQuery()) {
      rows.next();
      Say.line("%s: then %d and %s", what, rows.getInt(1), rows.getString(2));
    } catch (SQLException error) {
      Say.line("%s: then %s", what, Say.said(error));
    }
  }
}

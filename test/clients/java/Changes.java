import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.Arrays;
import org.postgresql.PGConnection;
import org.postgresql.jdbc.PreferQueryMode;

final class Changes {
  static void updates(Connection connection) throws Exception {
    String insert = "insert into notes (id, body) values (?, ?)";
    try (PreparedStatement statement = connection.prepareStatement(insert, Statement.RETURN_GENERATED_KEYS)) {
      for (int i = 0; i < 3; i++) {
        statement.setInt(1, 100 + i);
        statement.setString(2, "key " + i);
        Say.line("inserted %d", statement.executeUpdate());
        Say.table("generated", statement.getGeneratedKeys());
      }
    }
    try (PreparedStatement statement = connection.prepareStatement("update notes set body = ? where id >= ?", new String[] {"id"})) {
      statement.setString(1, "changed");
      statement.setInt(2, 101);
      Say.line("updated %d", statement.executeUpdate());
      Say.table("keys", statement.getGeneratedKeys());
    }
    try (Statement statement = connection.createStatement()) {
      Say.line("deleted %d", statement.executeLargeUpdate("delete from notes where id >= 100"));
      statement.execute("do $$ begin raise notice 'for the log'; raise warning 'mind'; end $$");
      Say.warnings("do", statement.getWarnings());
    }
    // The driver writes the result's place into the text where it writes all values into it.
    if (connection.unwrap(PGConnection.class).getPreferQueryMode() == PreferQueryMode.SIMPLE) return;
    try (CallableStatement call = connection.prepareCall("{? = call upper(?::text)}")) {
      call.registerOutParameter(1, Types.VARCHAR);
      call.setString(2, "called");
      call.execute();
      Say.line("call: %s", call.getString(1));
    }
  }

  static void batches(Connection connection) throws Exception {
    try (PreparedStatement batch = connection.prepareStatement("insert into notes values (?, ?)")) {
      for (int i = 0; i < 300; i++) {
        batch.setInt(1, 1000 + i);
        batch.setString(2, "batch " + i);
        batch.addBatch();
      }
      Say.line("batch: %d", Arrays.stream(batch.executeBatch()).filter(count -> count == 1 || count == Statement.SUCCESS_NO_INFO).count());
      for (int id : new int[] {2000, 1, 2001}) {
        batch.setInt(1, id);
        batch.setString(2, "broken");
        batch.addBatch();
      }
      Say.fails("broken batch", batch::executeBatch);
    }
    try (Statement batch = connection.createStatement()) {
      batch.addBatch("update notes set body = 'b' where id >= 1000");
      batch.addBatch("select 1");
      batch.addBatch("delete from notes where id >= 1000");
      Say.line("batch with a result: %s", Arrays.toString(batch.executeBatch()));
      batch.addBatch("update notes set body = 'b' where id >= 1000");
      batch.addBatch("delete from notes where id >= 1000");
      Say.line("batch of statements: %s", Arrays.toString(batch.executeBatch()));
    }
  }

  static void failures(Connection connection) throws Exception {
    String[] all = {
      "selec 1", "select * from nowhere", "select no_such_column from items", "select 1 / 0", "insert into items (id, name) values (1, 'again')",
      "insert into items (id) values (4712)", "select 'x'::int", "copy items from stdin",
      "do $$ begin raise exception 'raised' using errcode = 'HP001', detail = 'why', hint = 'how'; end $$"
    };
    try (Statement statement = connection.createStatement()) {
      for (String sql : all) Say.fails(sql, () -> statement.execute(sql));
    }
    try (PreparedStatement statement = connection.prepareStatement("select 10 / ?")) {
      for (int value : new int[] {5, 2, 0, 1, 0}) {
        statement.setInt(1, value);
        if (value == 0) Say.fails("ten by nothing", statement::executeQuery);
        else Say.table("ten by " + value, statement.executeQuery());
      }
    }
    // A plan that the server has to drop: the driver sees it, and prepares anew.
    try (Statement statement = connection.createStatement();
        PreparedStatement star = connection.prepareStatement("select * from changing")) {
      statement.execute("create table changing (a int)");
      statement.execute("insert into changing values (1)");
      for (int i = 0; i < 3; i++) Say.table("before", star.executeQuery());
      statement.execute("alter table changing add b text default 'b'");
      try {
        Say.table("after", star.executeQuery());
      } catch (Exception error) {
        Say.line("after: %s", Say.said(error));
      }
      statement.execute("drop table changing");
    }
  }

  static void transactions(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    for (int level : new int[] {Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_SERIALIZABLE}) {
      connection.setTransactionIsolation(level);
      try (Statement statement = connection.createStatement()) {
        Say.table("level", statement.executeQuery("show transaction_isolation"));
        statement.execute("insert into notes values (500, 'to be rolled back')");
        Savepoint point = connection.setSavepoint("here");
        Say.fails("in a savepoint", () -> statement.execute("select 1 / 0"));
        Say.fails("behind it", () -> statement.execute("select 1"));
        connection.rollback(point);
        Say.table("back", statement.executeQuery("select count(*) from notes where id = 500"));
        connection.rollback();
      }
    }
    connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
    connection.setReadOnly(true);
    try (Statement statement = connection.createStatement()) {
      Say.fails("a write where none may be", () -> statement.execute("insert into notes values (501, 'no')"));
      connection.rollback();
      Say.table("read only", statement.executeQuery("show transaction_read_only"));
      connection.commit();
    }
    connection.setReadOnly(false);
    connection.setAutoCommit(true);
    connection.setSchema("other");
    try (Statement statement = connection.createStatement()) {
      Say.table("in the other schema", statement.executeQuery("select name, price from items where id = 1"));
    }
    connection.setSchema("public");
    Say.line("schema %s, valid %s", connection.getSchema(), connection.isValid(5));
  }
}

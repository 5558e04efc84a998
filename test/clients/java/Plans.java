import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;

/** Prepared statements whose plan or whose very name the server has dropped meanwhile. */
final class Plans {
  private static final String[] CHANGES = {
    "alter table moving add column b text default 'b'", "alter table moving alter column a type bigint", "alter table moving rename column a to z", "alter table moving rename column z to a",
    "drop table moving; create table moving (a text)", "create index on moving (a)", "analyze moving", "alter table moving set schema public", "alter table public.moving set schema breadth",
    "set search_path to public, breadth", "drop table moving"
  };

  static void dropped(Connection connection) throws Exception {
    walk(connection, false);
  }

  static void inTransactions(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    walk(connection, true);
    connection.rollback();
    connection.setAutoCommit(true);
  }

  private static void walk(Connection connection, boolean transaction) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.execute("create table moving (a int)");
      statement.execute("insert into moving values (1)");
      if (transaction) connection.commit();
      try (PreparedStatement star = connection.prepareStatement("select * from moving"); PreparedStatement one = connection.prepareStatement("select a from moving where a = ?");
          PreparedStatement change = connection.prepareStatement("update moving set a = a")) {
        for (int i = 0; i < 6; i++) each(connection, transaction, "at first", star, one, change);
        for (String sql : CHANGES) {
          try {
            statement.execute(sql);
            if (transaction && sql.contains("index")) connection.commit();
          } catch (SQLException error) {
            Say.line("%s: %s", sql, Say.said(error));
            if (transaction) connection.rollback();
          }
          for (int i = 0; i < 2; i++) each(connection, transaction, sql, star, one, change);
        }
      }
      if (transaction) connection.rollback();
      statement.execute("drop table if exists moving");
      statement.execute("set search_path to breadth, public");
      if (transaction) connection.commit();
    }
  }

  private static void each(Connection connection, boolean transaction, String what, PreparedStatement star, PreparedStatement one, PreparedStatement change) throws SQLException {
    try {
      Say.table(what, star.executeQuery());
    } catch (SQLException error) {
      Say.line("%s: %s", what, Say.said(error));
      if (transaction) connection.rollback();
    }
    try {
      one.setInt(1, 1);
      Say.table(what + " one", one.executeQuery());
    } catch (SQLException error) {
      Say.line("%s one: %s", what, Say.said(error));
      if (transaction) connection.rollback();
    }
    try {
      Say.line("%s changed %d", what, change.executeUpdate());
    } catch (SQLException error) {
      Say.line("%s changed: %s", what, Say.said(error));
      if (transaction) connection.rollback();
    }
  }

  static void discarded(Connection connection) throws Exception {
    for (String sql : new String[] {"deallocate all", "discard plans", "discard all"}) {
      try (PreparedStatement query = connection.prepareStatement("select name from people where id = ?"); Statement statement = connection.createStatement()) {
        for (int i = 0; i < 3; i++) {
          query.setInt(1, 3);
          Say.table(sql, query.executeQuery());
        }
        statement.execute(sql);
        if (sql.equals("discard all")) statement.execute("set search_path to breadth, public");
        for (int i = 0; i < 2; i++) {
          try {
            Say.table("behind " + sql, query.executeQuery());
          } catch (SQLException error) {
            Say.line("behind %s: %s", sql, Say.said(error));
          }
        }
      }
    }
    try (Statement statement = connection.createStatement()) {
      statement.execute("prepare byname (int) as select name from people where id = $1");
      for (int i = 1; i < 3; i++) Say.table("execute", statement.executeQuery("execute byname (" + i + ")"));
      Say.fails("wrong number", () -> statement.executeQuery("execute byname"));
      Say.fails("wrong type", () -> statement.executeQuery("execute byname ('x')"));
      Say.fails("twice", () -> statement.execute("prepare byname as select 1"));
      Say.table("those of SQL", statement.executeQuery("select name, parameter_types, result_types, from_sql from pg_prepared_statements where from_sql order by name"));
      statement.execute("deallocate byname");
      Say.fails("gone", () -> statement.executeQuery("execute byname (1)"));
    }
  }
}

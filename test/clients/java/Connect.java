import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.Properties;

/** Connects as most programs do, asks for one row in a transaction and what columns a table has, and leaves. */
public final class Connect {
  public static void main(String[] args) throws Exception {
    Properties how = new Properties();
    how.setProperty("user", System.getenv("PGUSER"));
    how.setProperty("password", System.getenv("PGPASSWORD"));
    how.setProperty("sslmode", "disable");
    String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    try (Connection connection = DriverManager.getConnection(url, how)) {
      connection.setAutoCommit(false);
      connection.createStatement().execute("select 'it works'");
      connection.commit();
      if (!connection.isValid(20)) throw new IllegalStateException("not valid");
      connection.setAutoCommit(true);
      try (ResultSet columns = connection.getMetaData().getColumns(null, "public", "customers", null)) {
        if (!columns.next()) throw new IllegalStateException("no columns");
      }
    }
  }
}

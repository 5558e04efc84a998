import java.sql.Connection;
import java.sql.DriverManager;
import java.util.Properties;

/**
 * JDBC's work in each of the driver's eight modes, against whatever server libpq's variables name. What was done goes to stdout, line by
 * line, without anything that two runs do not share (process ids, OIDs, times): the lines are compared between a direct connection and one
 * through the proxy.
 */
public final class Work {
  interface Step {
    void run(Connection connection) throws Exception;
  }

  private static final String[] MODES = {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"};
  private static final Step[] STEPS = {
    Queries::types, Queries::repeated, Queries::fetched, Queries::metadata, Changes::updates, Changes::batches, Changes::failures,
    Changes::transactions, Streams::copies, Streams::largeObjects, Streams::notifications, Streams::cancelled
  };

  public static void main(String[] args) throws Exception {
    for (String mode : MODES) {
      for (boolean binary : new boolean[] {false, true}) {
        Say.line("== %s, %s", mode, binary ? "binary" : "text");
        try (Connection connection = connect(mode, binary)) {
          for (Step step : STEPS) step.run(connection);
        }
      }
    }
    Say.line("end");
  }

  static Connection connect(String mode, boolean binary) throws Exception {
    Properties how = new Properties();
    how.setProperty("user", System.getenv("PGUSER"));
    how.setProperty("password", System.getenv("PGPASSWORD"));
    how.setProperty("sslmode", "disable");
    how.setProperty("preferQueryMode", mode);
    how.setProperty("binaryTransfer", String.valueOf(binary));
    // The second run of a prepared statement is by name, and with binaryTransfer in binary.
    how.setProperty("prepareThreshold", "2");
    how.setProperty("reWriteBatchedInserts", String.valueOf(binary));
    how.setProperty("ApplicationName", "java");
    String at = System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    return DriverManager.getConnection("jdbc:postgresql://" + at, how);
  }
}

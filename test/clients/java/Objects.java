import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.StringReader;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import org.postgresql.PGConnection;
import org.postgresql.fastpath.Fastpath;
import org.postgresql.fastpath.FastpathArg;
import org.postgresql.jdbc.AutoSave;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

/** Large objects and calls by the fast path. Their OIDs are chosen here, so that two runs say the same. */
@SuppressWarnings("deprecation")
final class Objects {
  private static final long OID = 990_001;

  static void used(Connection connection) throws Exception {
    // With a savepoint before everything, the driver loses its place in what the server answers to a fast-path call.
    connection.unwrap(PGConnection.class).setAutosave(AutoSave.NEVER);
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.executeQuery("select lo_unlink(oid) from pg_largeobject_metadata where oid = " + OID).close();
      statement.executeQuery("select lo_create(" + OID + ")").close();
      LargeObjectManager objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
      byte[] data = new byte[70_000];
      for (int i = 0; i < data.length; i++) data[i] = (byte) (i * 7);
      try (LargeObject object = objects.open(OID, LargeObjectManager.READWRITE)) {
        try (OutputStream out = object.getOutputStream()) {
          out.write(data, 0, 65_000);
          out.write(data, 65_000, 5_000);
        }
      }
      try (LargeObject object = objects.open(OID, LargeObjectManager.READ)) {
        Say.line("all: %s", Arrays.equals(object.read(100_000), data));
        object.seek64(65_533, LargeObject.SEEK_SET);
        byte[] some = new byte[6];
        Say.line("%d at %d: %s", object.read(some, 1, 5), object.tell64(), Arrays.toString(some));
        LargeObject copy = object.copy();
        copy.close();
      }
      connection.commit();
      LargeObject closed = objects.open(OID, LargeObjectManager.READ);
      Say.fails("written though open for reading", () -> closed.write(new byte[] {1}));
      connection.rollback();
      objects.delete(OID);
      statement.executeQuery("select lo_from_bytea(" + OID + ", '\\x00ff')").close();
      Say.table("in SQL", statement.executeQuery("select lo_get(" + OID + "), lo_get(" + OID + ", 1, 1)"));
      statement.execute("create temporary table files (id int, content oid, words text)");
      try (PreparedStatement insert = connection.prepareStatement("insert into files values (?, ?, ?)")) {
        for (int i = 0; i < 3; i++) {
          insert.setInt(1, i);
          insert.setBlob(2, new ByteArrayInputStream(data, 0, 100 * i));
          insert.setCharacterStream(3, new StringReader("characters " + i));
          insert.executeUpdate();
        }
      }
      try (ResultSet rows = statement.executeQuery("select content, words from files order by id")) {
        while (rows.next()) {
          Blob blob = rows.getBlob(1);
          try (InputStream in = blob.getBinaryStream()) {
            Say.line("%d of %d, %s", in.readAllBytes().length, blob.length(), rows.getString(2));
          }
          blob.setBytes(1, new byte[] {9});
          Say.line("changed to %s, at %d", Arrays.toString(blob.getBytes(1, 2)), blob.position(new byte[] {9}, 1));
          blob.truncate(1);
          Clob clob = rows.getClob(1);
          Say.line("%d characters", clob.length());
          blob.free();
        }
      }
      Say.line("unlinked: %d", unlink(connection, OID));
    }
    connection.rollback();
    connection.setAutoCommit(true);
  }

  static void broken(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    LargeObjectManager objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
    Fastpath path = connection.unwrap(PGConnection.class).getFastpathAPI();
    Say.fails("none there", () -> objects.open(OID + 1));
    connection.rollback();
    Say.fails("none to delete", () -> objects.delete(OID + 1));
    connection.rollback();
    Say.fails("no such function", () -> path.fastpath("no_such_function", new FastpathArg[0]));
    Say.fails("no such number", () -> path.fastpath(987_654, new FastpathArg[0]));
    connection.rollback();
    path.addFunction("twice", number(connection, "breadth.twice(int)"));
    path.addFunction("rows", number(connection, "breadth.rows(int)"));
    path.addFunction("raising", number(connection, "breadth.raising(text)"));
    path.addFunction("md5", number(connection, "pg_catalog.md5(text)"));
    path.addFunction("count", number(connection, "pg_catalog.count(\"any\")"));
    for (int i = 0; i < 3; i++) Say.line("twice: %d", path.getInteger("twice", new FastpathArg[] {new FastpathArg(i)}));
    Say.line("md5: %s", new String(path.getData("md5", new FastpathArg[] {new FastpathArg("ABC")})));
    Say.fails("too few", () -> path.getInteger("twice", new FastpathArg[0]));
    connection.rollback();
    Say.fails("too many", () -> path.getInteger("twice", new FastpathArg[] {new FastpathArg(1), new FastpathArg(2)}));
    connection.rollback();
    Say.fails("too long", () -> path.getInteger("twice", new FastpathArg[] {new FastpathArg(1L)}));
    connection.rollback();
    Say.fails("a set", () -> path.getInteger("rows", new FastpathArg[] {new FastpathArg(1)}));
    connection.rollback();
    Say.fails("an aggregate", () -> path.getInteger("count", new FastpathArg[] {new FastpathArg(1)}));
    connection.rollback();
    Say.fails("raising", () -> path.getInteger("raising", new FastpathArg[] {new FastpathArg("by path")}));
    Say.fails("in a failed transaction", () -> path.getInteger("twice", new FastpathArg[] {new FastpathArg(1)}));
    connection.rollback();
    Say.fails("a closed descriptor", () -> path.getInteger("lo_tell", new FastpathArg[] {new FastpathArg(7)}));
    connection.rollback();
    connection.setAutoCommit(true);
    Say.fails("outside of a transaction", () -> objects.open(OID));
    Say.line("outside: %d", path.getInteger("twice", new FastpathArg[] {new FastpathArg(21)}));
  }

  private static int unlink(Connection connection, long oid) throws SQLException {
    return connection.unwrap(PGConnection.class).getFastpathAPI().getInteger("lo_unlink", new FastpathArg[] {Fastpath.createOIDArg(oid)});
  }

  private static int number(Connection connection, String function) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("select '" + function + "'::regprocedure::oid")) {
      rows.next();
      return rows.getInt(1);
    }
  }
}

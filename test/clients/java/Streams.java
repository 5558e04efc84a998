import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Blob;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

/** What goes past statements and rows: COPY, large objects by fast-path calls, notifications, cancel. */
final class Streams {
  static void copies(Connection connection) throws Exception {
    CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 2000; i++) text.append(3000 + i).append("\tline ").append(i).append("\n");
    Say.line("copied in: %d", copy.copyIn("copy notes from stdin", new StringReader(text.toString())));
    StringWriter out = new StringWriter();
    Say.line("copied out: %d", copy.copyOut("copy (select * from notes where id >= 3000 order by id) to stdout", out));
    Say.line("the same: %s", out.toString().contentEquals(text));
    ByteArrayOutputStream binary = new ByteArrayOutputStream();
    Say.line("in binary: %d", copy.copyOut("copy (select * from notes where id < 3100 order by id) to stdout (format binary)", binary));
    Say.line("%d bytes", binary.size());
    Say.fails("rubbish", () -> copy.copyIn("copy notes from stdin", new StringReader("x\ty\n")));
    CopyIn given = copy.copyIn("copy notes from stdin");
    given.writeToCopy("9999\tnever\n".getBytes(), 0, 11);
    given.cancelCopy();
    try (Statement statement = connection.createStatement()) {
      Say.line("deleted %d", statement.executeUpdate("delete from notes where id >= 3000"));
    }
  }

  static void largeObjects(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    LargeObjectManager objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
    long oid = objects.createLO();
    byte[] data = new byte[100_000];
    for (int i = 0; i < data.length; i++) data[i] = (byte) i;
    try (LargeObject object = objects.open(oid, LargeObjectManager.READWRITE)) {
      object.write(data);
      object.seek(10);
      Say.line("at %d of %d: %s", object.tell(), object.size64(), Arrays.toString(object.read(5)));
      object.truncate(20);
      Say.line("cut to %d", object.size());
      object.seek(-2, LargeObject.SEEK_END);
      try (InputStream stream = object.getInputStream()) {
        Say.line("the end: %s", Arrays.toString(stream.readAllBytes()));
      }
    }
    objects.delete(oid);
    Say.fails("one that is not there", () -> objects.open(4711L));
    connection.rollback();
    try (Statement statement = connection.createStatement()) {
      statement.execute("create temporary table blobs (content oid)");
      try (PreparedStatement insert = connection.prepareStatement("insert into blobs values (?)")) {
        insert.setBlob(1, new ByteArrayInputStream(data, 0, 5000));
        insert.executeUpdate();
      }
      ResultSet rows = statement.executeQuery("select content from blobs");
      rows.next();
      Blob blob = rows.getBlob(1);
      Say.line("blob: %d, %d", blob.length(), blob.getBytes(1, 5000)[4999]);
    }
    connection.rollback();
    connection.setAutoCommit(true);
  }

  static void notifications(Connection connection) throws Exception {
    PGConnection listening = connection.unwrap(PGConnection.class);
    try (Statement statement = connection.createStatement()) {
      statement.execute("listen news");
      statement.execute("select pg_notify('news', 'payload')");
      for (PGNotification n : listening.getNotifications(5000))
        Say.line("notified on %s of %s, by itself %s", n.getName(), n.getParameter(), n.getPID() == listening.getBackendPID());
      statement.execute("unlisten *");
    }
  }

  static void cancelled(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      CompletableFuture<Void> cancel = CompletableFuture.runAsync(
          () -> {
            try {
              statement.cancel();
            } catch (Exception error) {
              throw new IllegalStateException(error);
            }
          },
          CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS));
      Say.fails("cancelled", () -> statement.execute("select pg_sleep(40)"));
      cancel.join();
      Say.table("and on", statement.executeQuery("select 1"));
    }
  }
}

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/**
 * What few programs do, but every driver offers, in each of the driver's eight modes and with its other switches turned as well: every way to
 * bind and read a value, cursors of all kinds, calls, batches that fail, plans that the server drops, large objects, time-outs and everything
 * that the driver can ask about the catalog. Each mode makes its own schema and leaves nothing. Lines are as those of {@link Work}.
 */
public final class Breadth {
  private static final String[][] MODES = {
    {"simple", "false", "5", "never", "0"},
    {"simple", "true", "1", "always", "3"},
    {"extended", "false", "-1", "conservative", "0"},
    {"extended", "true", "1", "always", "3"},
    {"extendedForPrepared", "false", "1", "never", "3"},
    {"extendedForPrepared", "true", "-1", "conservative", "0"},
    {"extendedCacheEverything", "false", "1", "conservative", "3"},
    {"extendedCacheEverything", "true", "1", "always", "0"},
  };

  private static final Work.Step[] STEPS = {
    Values::scalars, Values::written, Values::arrays, Values::structures, Cursors::scrolled, Cursors::updated, Cursors::parts, Cursors::references,
    Calls::functions, Calls::procedures, Batches::keys, Batches::failing, Plans::dropped, Plans::inTransactions, Plans::discarded, Ends::timeouts,
    Ends::transactions, Ends::copies, Catalogs::all, Objects::used, Objects::broken
  };

  private static final String[] MAKE = {
    "drop schema if exists breadth cascade", "create schema breadth", "create extension if not exists hstore schema public",
    "create type breadth.mood as enum ('sad', 'ok', 'happy')", "create type breadth.pair as (a int, b text)",
    "create domain breadth.positive as int check (value > 0)", "create sequence breadth.numbers start 10",
    "create table breadth.people (id int generated always as identity primary key, name text not null unique, mood breadth.mood default 'ok',"
        + " born date, score numeric(10,2) default 0, tags text[], extra jsonb, pair breadth.pair)",
    "create table breadth.orders (id serial, person int references breadth.people on delete cascade deferrable initially deferred, amount breadth.positive,"
        + " primary key (id, person), constraint little check (amount < 1000))",
    "comment on table breadth.orders is 'what they ordered'", "comment on column breadth.orders.amount is 'how much'",
    "create index orders_amount on breadth.orders (amount desc) where amount > 10", "create view breadth.rich as select id, name from breadth.people where score > 100",
    "create materialized view breadth.moods as select mood, count(*) from breadth.people group by mood",
    "create function breadth.twice(i int) returns int language sql immutable as 'select i * 2'",
    "create function breadth.parts(i int, out half int, inout rest text, out at timestamp) language plpgsql as"
        + " 'begin half := i / 2; rest := rest || i; at := ''2024-01-01''; end'",
    "create function breadth.rows(n int) returns table (i int, t text) language sql as 'select g, repeat(''r'', g) from generate_series(1, n) g'",
    "create function breadth.opened() returns refcursor language plpgsql as 'declare c refcursor; begin open c for select g, g || '''' t from generate_series(1, 12) g; return c; end'",
    "create function breadth.two() returns setof refcursor language plpgsql as"
        + " 'declare a refcursor := ''first''; b refcursor := ''second''; begin open a for select 1; return next a; open b for select 2, 3; return next b; end'",
    "create function breadth.raising(what text) returns void language plpgsql as"
        + " 'begin raise notice ''said %'', what using hint = ''none''; raise exception ''no %'', what using errcode = ''HP002'', detail = ''d'', hint = ''h'', table = ''t'', column = ''c''; end'",
    "create procedure breadth.adding(amount int, inout total int) language plpgsql as"
        + " 'begin insert into breadth.people (name) values (''by procedure '' || amount); total := total + amount; end'",
    "create procedure breadth.committing() language plpgsql as"
        + " 'begin for i in 1..4 loop insert into breadth.people (name) values (''committing '' || i); if i % 2 = 0 then commit; else rollback; end if; end loop; end'",
  };

  /** Before each step: types keep their OIDs, which the driver remembers. */
  private static final String[] FILL = {
    "truncate breadth.people, breadth.orders restart identity", "alter sequence breadth.numbers restart",
    "insert into breadth.people (name, mood, born, score, tags, extra, pair) select 'person ' || g, (array['sad', 'ok', 'happy'])[g % 3 + 1]::breadth.mood,"
        + " '2000-01-01'::date + g, g * 1.5, array['t' || g, null], jsonb_build_object('g', g), row(g, 'b' || g)::breadth.pair from generate_series(1, 30) g",
    "insert into breadth.orders (person, amount) select g, g * 3 from generate_series(1, 30) g", "analyze breadth.people", "analyze breadth.orders"
  };

  /** Each step in each mode takes minutes where the machine is busy: without `all`, each runs in two modes, one of text and one of binary. */
  public static void main(String[] args) throws Exception {
    boolean all = args.length > 0 && args[0].equals("all");
    for (int m = 0; m < MODES.length; m++) {
      Say.line("== %s", String.join(", ", MODES[m]));
      try (Connection connection = connect(MODES[m])) {
        run(connection, MAKE);
        for (int s = 0; s < STEPS.length; s++) {
          if (!all && s % 4 != (m % 2 == 0 ? m / 2 : (m / 2 + 2) % 4)) continue;
          run(connection, FILL);
          STEPS[s].run(connection);
        }
        run(connection, "drop schema breadth cascade");
      }
    }
    Say.line("end");
  }

  private static void run(Connection connection, String... texts) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String sql : texts) statement.execute(sql);
    }
  }

  private static Connection connect(String[] mode) throws Exception {
    Properties how = new Properties();
    how.setProperty("user", System.getenv("PGUSER"));
    how.setProperty("password", System.getenv("PGPASSWORD"));
    how.setProperty("sslmode", "disable");
    how.setProperty("gssEncMode", "disable");
    how.setProperty("preferQueryMode", mode[0]);
    how.setProperty("binaryTransfer", mode[1]);
    how.setProperty("prepareThreshold", mode[2]);
    how.setProperty("autosave", mode[3]);
    how.setProperty("cleanupSavepoints", mode[1]);
    how.setProperty("defaultRowFetchSize", mode[4]);
    how.setProperty("adaptiveFetch", String.valueOf(!mode[4].equals("0")));
    how.setProperty("maxResultBuffer", "10M");
    how.setProperty("reWriteBatchedInserts", mode[1]);
    how.setProperty("assumeMinServerVersion", mode[1].equals("true") ? "13" : "9.0");
    how.setProperty("escapeSyntaxCallMode", mode[1].equals("true") ? "callIfNoReturn" : "select");
    how.setProperty("stringtype", mode[1].equals("true") ? "unspecified" : "varchar");
    how.setProperty("quoteReturningIdentifiers", mode[1]);
    how.setProperty("options", "-c statement_timeout=60s");
    how.setProperty("currentSchema", "breadth,public");
    how.setProperty("ApplicationName", "breadth");
    how.setProperty("preparedStatementCacheQueries", mode[1].equals("true") ? "8" : "256");
    String at = System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    return DriverManager.getConnection("jdbc:postgresql://" + at, how);
  }
}

package jobs;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import java.io.File;

/** Counts, and keeps the counts in Cassandra, by the data store {@code rows}. */
public final class CassandraRows extends Upserts {
  private static final long serialVersionUID = 1;
  private static final String CREATE =
      "CREATE TABLE IF NOT EXISTS counts (sequence bigint PRIMARY KEY, key bigint, count bigint)";
  private static final String INSERT = "INSERT INTO counts (sequence, key, count) VALUES (?, ?, ?)";

  /** The job; or {@code --print}. */
  public static void main(String[] args) throws Exception {
    run(args, new CassandraRows());
  }

  @Override
  Rows connect() {
    // Address, keyspace, level, name and password are in the file that the data store brings.
    File config = new File(System.getenv("DATA_STORE_ROWS_DIR"), "application.conf");
    CqlSession session = CqlSession.builder().withConfigLoader(DriverConfigLoader.fromFile(config)).build();
    session.execute(CREATE);
    PreparedStatement insert = session.prepare(INSERT);
    return new Rows() {
      @Override
      public void upsert(long sequence, long key, long count) {
        session.execute(insert.bind(sequence, key, count));
      }

      @Override
      public void print() {
        // Rows come in no order, and more are written meanwhile. Those before one that was seen are all there.
        long last = -1;
        for (Row row : session.execute("SELECT sequence FROM counts")) {
          last = Math.max(last, row.getLong(0));
        }
        for (Row row : session.execute("SELECT sequence, key, count FROM counts")) {
          if (row.getLong(0) <= last) {
            System.out.println(row.getLong(0) + " " + row.getLong(1) + " " + row.getLong(2));
          }
        }
      }

      @Override
      public void close() {
        session.close();
      }
    };
  }
}

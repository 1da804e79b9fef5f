package jobs;

import java.io.IOException;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * Writes each record of the counter job as a row of a database, under its sequence number, and waits for the answer. After a
 * failure, rows since the last checkpoint are written again with what they held before: each key is there exactly once.
 */
abstract class Upserts extends RichMapFunction<String, String> {
  private static final long serialVersionUID = 1;

  /** The client's connection. */
  interface Rows extends AutoCloseable {
    void upsert(long sequence, long key, long count) throws Exception;

    /** Every row, a line {@code sequence key count} each. */
    void print() throws Exception;

    @Override
    void close() throws IOException;
  }

  private transient Rows rows;

  /** Connects, and makes the table where it is missing. */
  abstract Rows connect() throws Exception;

  @Override
  public String map(String line) throws Exception {
    if (rows == null) {
      rows = connect();
    }
    String[] words = line.split(" ");
    rows.upsert(Long.parseLong(words[0]), Long.parseLong(words[1]), Long.parseLong(words[2]));
    return line;
  }

  @Override
  public void close() throws Exception {
    if (rows != null) {
      rows.close();
    }
  }

  /** The job; or with {@code --print}, what it wrote. */
  static void run(String[] args, Upserts upserts) throws Exception {
    if (args.length == 1 && args[0].equals("--print")) {
      try (Rows rows = upserts.connect()) {
        rows.print();
      }
      return;
    }
    Options options = new Options(args);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    CounterJob.counted(env, options)
        .map(upserts).returns(Types.STRING).uid("rows").name("rows").setParallelism(1)
        .map(new Report()).returns(Types.STRING).uid("report").name("report").setParallelism(1)
        .sinkTo(new DiscardingSink<>()).uid("sink").name("sink").setParallelism(1);
    env.execute("rows");
  }
}

package jobs;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.BasePathBucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.OnCheckpointRollingPolicy;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A stateful job whose output proves by itself whether a record was lost or counted twice: record n belongs to key
 * n % keys, so its count must be n / keys + 1. Only API that Flink 1.19 to 2.3 have in common is used: one jar serves all.
 */
public final class CounterJob {
  private CounterJob() {}

  public static void main(String[] args) throws Exception {
    Options options = new Options(args);
    if (options.failMain) {
      throw new IllegalStateException("main() fails because --fail-main was given");
    }
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    DataStream<String> lines = counted(env, options);
    if (options.lines != null) {
      lines = lines.map(new LineFile(options.lines)).returns(Types.STRING).uid("lines").name("lines").setParallelism(1);
    }
    DataStream<String> reported = lines.map(new Report()).returns(Types.STRING).uid("report").name("report").setParallelism(1);
    if (options.commit == null) {
      reported.sinkTo(new DiscardingSink<>()).uid("sink").name("sink").setParallelism(1);
    } else {
      reported.sinkTo(files(options.commit)).uid("commit").name("commit").setParallelism(1);
    }
    env.execute("counter");
  }

  /** A line {@code sequence key count} for each record. */
  static DataStream<String> counted(StreamExecutionEnvironment env, Options options) {
    return count(numbers(env, options), options);
  }

  /** 0, 1, 2, … in one subtask, so that the order of the numbers is their order in time. */
  private static DataStream<Long> numbers(StreamExecutionEnvironment env, Options options) {
    GeneratorFunction<Long, Long> number = n -> n;
    DataGeneratorSource<Long> source =
        new DataGeneratorSource<>(number, options.records, RateLimiterStrategy.perSecond(options.rate), Types.LONG);
    return env.fromSource(source, WatermarkStrategy.noWatermarks(), "numbers").uid("numbers").setParallelism(1);
  }

  private static DataStream<String> count(DataStream<Long> numbers, Options options) {
    long keys = options.keys;
    KeySelector<Long, Long> key = n -> n % keys;
    return numbers.keyBy(key, Types.LONG).process(new CountPerKey(options)).returns(Types.STRING)
        .uid(options.renameOperator ? "count-renamed" : "count").name("count");
  }

  private static FileSink<String> files(String folder) {
    return FileSink.forRowFormat(new Path(folder), new SimpleStringEncoder<String>())
        .withBucketAssigner(new BasePathBucketAssigner<>())
        .withRollingPolicy(OnCheckpointRollingPolicy.build())
        .build();
  }
}

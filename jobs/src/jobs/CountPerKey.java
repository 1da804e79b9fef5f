package jobs;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.Random;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Counts the records of each key, and gets into the trouble that the options ask for. */
final class CountPerKey extends KeyedProcessFunction<Long, Long, String> implements CheckpointedFunction {
  private static final long serialVersionUID = 1;

  private final Options options;
  private transient ValueState<Long> count;
  private transient ValueState<byte[]> padding;
  private transient ListState<String> brittle;
  private transient long failAtNanos;

  CountPerKey(Options options) {
    this.options = options;
  }

  @Override
  public void initializeState(FunctionInitializationContext context) throws Exception {
    count = context.getKeyedStateStore().getState(new ValueStateDescriptor<>("count", Types.LONG));
    padding = context.getKeyedStateStore().getState(new ValueStateDescriptor<>("padding", byte[].class));
    if (options.failSnapshots != null) {
      brittle = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("brittle", new BrittleSerializer()));
    }
    failAtNanos = System.nanoTime() + options.failAfterSeconds * 1_000_000_000L;
  }

  @Override
  public void processElement(Long sequence, Context context, Collector<String> out) throws Exception {
    if (options.failAfterSeconds > 0 && System.nanoTime() > failAtNanos) {
      throw new IllegalStateException("the job fails because --fail-after " + options.failAfterSeconds + " was given");
    }
    Long before = count.value();
    long now = before == null ? 1 : before + 1;
    count.update(now);
    if (before == null && options.padding > 0) {
      byte[] bytes = new byte[options.padding];
      new Random(sequence).nextBytes(bytes); // not compressible, so that sizes on storage are what was asked for
      padding.update(bytes);
    }
    if (before == null && options.drained != null) {
      context.timerService().registerEventTimeTimer(Long.MAX_VALUE);
    }
    out.collect(sequence + " " + context.getCurrentKey() + " " + now);
  }

  @Override
  public void onTimer(long timestamp, OnTimerContext context, Collector<String> out) throws Exception {
    byte[] line = ("drained " + context.getCurrentKey() + "\n").getBytes(StandardCharsets.UTF_8);
    Files.write(Paths.get(options.drained), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  @Override
  public void snapshotState(FunctionSnapshotContext context) throws Exception {
    // One subtask after the other, so that the acknowledgements of a snapshot can be watched coming in.
    Thread.sleep(options.slowSnapshotMs * (getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() + 1));
    if (brittle != null) {
      brittle.update(Collections.singletonList(options.failSnapshots));
    }
  }
}

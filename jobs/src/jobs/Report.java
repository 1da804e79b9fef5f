package jobs;

import java.util.Collections;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;

/**
 * Counts all records in state of its own, and shows the number where it can be read from outside:
 * lines on stdout ({@code counter=N restored}, {@code counter=N} every second, {@code counter=N snapshot=ID}),
 * a metric and an accumulator, both named {@code counter}.
 */
final class Report extends RichMapFunction<String, String> implements CheckpointedFunction {
  private static final long serialVersionUID = 1;
  private static final long SECOND = 1_000_000_000L;

  private transient ListState<Long> state;
  private transient LongCounter accumulator;
  private transient long counter;
  private transient long nextReport;

  @Override
  public void initializeState(FunctionInitializationContext context) throws Exception {
    state = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("counter", Types.LONG));
    counter = 0;
    for (long part : state.get()) {
      counter += part;
    }
    accumulator = new LongCounter(counter);
    getRuntimeContext().addAccumulator("counter", accumulator);
    getRuntimeContext().getMetricGroup().gauge("counter", () -> counter);
    System.out.println("counter=" + counter + (context.isRestored() ? " restored" : " new"));
  }

  @Override
  public String map(String line) {
    counter++;
    accumulator.add(1L);
    if (System.nanoTime() >= nextReport) {
      nextReport = System.nanoTime() + SECOND;
      System.out.println("counter=" + counter);
    }
    return line;
  }

  @Override
  public void snapshotState(FunctionSnapshotContext context) throws Exception {
    state.update(Collections.singletonList(counter));
    System.out.println("counter=" + counter + " snapshot=" + context.getCheckpointId());
  }
}
